// The program as few files, out of its some five hundred: what every start needs, what only some
// commands need, and what each kind of thread begins with. docs/decisions/0025 says why.

import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** What programs, and Node.js itself, begin with. */
const entries = {
  main: 'cli/main.ts',
  index: 'index.ts',
  'worker-main': 'runtime/worker-main.ts',
  'password-thread': 'modules/password/password-thread.ts',
};

/**
 * Writes the JavaScript of a built package. Names stay as they are in the sources and there is a
 * source map beside each file, so that stack traces can be read; packages are not taken in.
 *
 * @param root - the project's folder
 * @param dist - the folder of the package; gets a folder `program`, all files side by side, since
 *   some find each other by `import.meta.url`
 * @returns which source has gone where, by paths below the project's folder
 */
export async function bundle(root: string, dist: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([name, source]) => [name, join(root, 'src', source)]),
    ),
    outdir: join(dist, 'program'),
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node26',
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}
