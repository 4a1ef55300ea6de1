// Every directive that has an effect has an example, which is right where it stands: for our own
// compiler, and for Debian's nginx where that knows the directive.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectiveRow } from '../src/config/row.ts';
import { directiveRows } from '../src/modules/index.ts';
import { problemsOf } from './kit/check-example.ts';
import { configurationWith, homeOf, statementOf } from './kit/directive-cases.ts';
import { checkConfigLater, nginxAvailable } from './kit/nginx.ts';
import { tempFolder } from './kit/temp-folder.ts';

/** There is no right way to write them. */
const alwaysRefused = new Set(['ssl_ech_file']);

const rows = directiveRows.filter(
  ({ name, withoutEffect }) => withoutEffect === null && !alwaysRefused.has(name),
);

test('every directive has an example that shows it', () => {
  const without = rows.filter((row) => row.example === null).map(({ name }) => name);
  assert.deepEqual(without, []);
  const other = rows.filter((row) => statementOf(row) === null).map(({ name }) => name);
  assert.deepEqual(other, [], 'the example is of another directive');
});

test('every example is right where it stands', () => {
  const wrong = directiveRows.flatMap((row) =>
    row.example === null ? [] : problemsOf(row.example, homeOf(row)),
  );
  assert.deepEqual(wrong, []);
});

const zone = 'the zone that it names is another directive';
const moreHere = 'it takes more here than nginx has';
const files = 'nginx reads or makes the files at once';

/** What nginx of Debian does not take, and why that is right. */
const notForNginx: Readonly<Record<string, string>> = {
  server_tokens: 'newer nginx takes a text',
  ssl_certificate: 'the key is another directive',
  ssl_password_file: files,
  ssl_crl: moreHere,
  limit_req: zone,
  limit_conn: zone,
  server: moreHere,
  proxy_pass: 'nginx looks names up at once',
  client_body_temp_path: files,
  proxy_temp_path: files,
  proxy_ssl_verify: moreHere,
  proxy_ssl_crl: moreHere,
  proxy_ssl_password_file: files,
};

test('every example is right for nginx too', { skip: !nginxAvailable }, async (t) => {
  const wrong: string[] = [];
  const rest = rows.values();
  const work = async (folder: string): Promise<void> => {
    for (const row of rest) {
      const problem = await problemInNginx(row, folder);
      if (problem !== null && !Object.hasOwn(notForNginx, row.name))
        wrong.push(`${row.name}: ${problem}`);
    }
  };
  await Promise.all([tempFolder(t), tempFolder(t), tempFolder(t)].map(work));
  assert.deepEqual(wrong, []);
});

async function problemInNginx(row: DirectiveRow, folder: string): Promise<string | null> {
  if (row.example === null) return null;
  const { messages } = await checkConfigLater(configurationWith(row.example, homeOf(row)), folder);
  const first = messages.find((line) => line.startsWith('[emerg]'));
  if (first === undefined || first.startsWith(`[emerg] unknown directive "${row.name}"`))
    return null;
  return first;
}
