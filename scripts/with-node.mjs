// `node scripts/with-node.mjs PROGRAM …`: runs a program with the project's Node, after installing
// what is missing.

import { ensureInstalled, projectNode, run } from './project.mjs';

await ensureInstalled();
process.exitCode = await run(projectNode, process.argv.slice(2));
