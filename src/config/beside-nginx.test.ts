// The same text to nginx and to the parser: both must accept it, or what nginx says first must be
// among what we say, in the same words and on the same line. Skipped where nginx is not installed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { checkConfiguration } from './check.ts';
import { Diagnostics } from './diagnostic.ts';
import { parseConfiguration } from './parser.ts';
import { blockDirective, listDirective, rawBlockDirective } from './row.ts';
import { FileSources } from './source.ts';
import { custom, texts } from './value-types.ts';

const nginx = '/usr/sbin/nginx';
const skip = existsSync(nginx) ? false : 'nginx is not installed';
const folder = mkdtempSync(join(tmpdir(), 'sallyport-beside-'));
const file = join(folder, 'test.conf');
after(() => rmSync(folder, { recursive: true }));

const help = 'For tests.';
// The directives of nginx that the texts below use.
const rows = [
  blockDirective({
    name: 'events',
    contexts: ['main'],
    args: 0,
    opens: 'events',
    once: true,
    help,
  }),
  blockDirective({ name: 'http', contexts: ['main'], args: 0, opens: 'http', once: true, help }),
  listDirective({ name: 'env', contexts: ['main'], args: 1, value: texts, help }),
  rawBlockDirective<true>({
    name: 'types',
    contexts: ['http'],
    args: 0,
    value: custom('types', () => true),
    default: true,
    help,
  }),
];

interface Verdict {
  readonly message: string;
  readonly line: number;
}

function verdictOfNginx(): Verdict | null {
  const run = spawnSync(nginx, ['-t', '-p', folder, '-c', file], { encoding: 'utf8' });
  if (run.status === 0) return null;
  // The message may hold a line feed, and " in " as well.
  const [, rest = ''] = run.stderr.split(/\[emerg\] \d+#\d+: /);
  const end = rest.indexOf(` in ${file}:`);
  assert.ok(end >= 0, run.stderr);
  return { message: rest.slice(0, end), line: parseInt(rest.slice(end + ` in ${file}:`.length)) };
}

function verdictsOfOurs(): Verdict[] {
  const diagnostics = new Diagnostics();
  const { nodes } = parseConfiguration({ file, sources: new FileSources(), diagnostics });
  const folders = { prefix: folder, configFolder: folder };
  checkConfiguration(nodes, { rows, foreign: new Map(), diagnostics, ...folders });
  return diagnostics.list
    .filter((found) => found.severity === 'error')
    .map(({ message, at }) => ({ message, line: at?.line ?? 0 }));
}

function compare(text: string, lines: 'same line' | 'any line'): void {
  writeFileSync(file, text);
  const theirs = verdictOfNginx();
  const ours = verdictsOfOurs();
  if (theirs === null) assert.deepEqual(ours, [], JSON.stringify(text));
  else {
    const agrees = ours.some(
      ({ message, line }) =>
        message === theirs.message && (lines === 'any line' || line === theirs.line),
    );
    assert.ok(agrees, `${JSON.stringify(text)}: ${JSON.stringify({ theirs, ours })}`);
  }
}

const compared = [
  'events {} env a; env "b c"; env a#b; # }\n',
  'events {} env ${a}b;',
  'events {} env a\\;b;',
  'events {}\n\nfoo;',
  'events;',
  'events {} events {}',
  'events {} env a b;',
  'events {} env a {}',
  'events { env a; }',
  'events {} }',
  'events {\n\n',
  'events {\n env',
  'events {} ;',
  'events {} {',
  'events {} env "a"b;',
  'events {} env "a"}',
  'events {} env "a"#',
  'events {} env "a") b;',
  'events {} env a }',
  'events {} "foo\\t\\n\\\\\\x\\"" a;',
  'events {} "" a;',
  'events {} foo);',
  'events {} http { types { a {} } }',
  'events {} http { types { "a"b; } }',
  'events {}\ninclude none.conf;',
  'events {}\ninclude none*.conf;',
  'events {}\ninclude a b;',
  `events {}\nenv ${'x'.repeat(4095)};`,
  `events {}\nenv ${'x'.repeat(4096)};`,
  `events {}\nenv "${'x'.repeat(4094)}";`,
  `events {}\nenv '${'x'.repeat(4096)}';`,
];

for (const text of compared) {
  test(`nginx and we judge ${JSON.stringify(text.slice(0, 50))} alike`, { skip }, () => {
    compare(text, 'same line');
  });
}

test('nginx and we read random words alike', { skip }, () => {
  const unit = fc.constantFrom(...'aab \t;{}"\'\\$#)\n');
  // The random text is part of a word's context, so that most runs get past the first error. nginx
  // tells the line where a directive ends, we where it begins.
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 14 }), fc.boolean(), (text, asName) => {
      compare(`events {} ${asName ? '' : 'env '}${text};\nenv z;\n`, 'any line');
    }),
    { numRuns: 150 },
  );
});
