// The pages that help operators are right: every code and every TLS directive has one, what they
// quote of the log is what the program writes, and every piece of configuration can be used.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { shellVariables } from '../scripts/reference/shell-variables.ts';
import { certificateLine, handshakeLine, logLineOf } from '../scripts/reference/log-lines.ts';
import { serverParameters } from '../scripts/reference/server-parameters.ts';
import * as tlsText from '../scripts/reference/tls-text.ts';
import type { TextBlock } from '../scripts/reference/tls-text.ts';
import { isTlsDirective, isTlsVariable, serverExample } from '../scripts/reference/tls.ts';
import { errorRows, type ErrorCode } from '../src/base/errors.ts';
import type { Context } from '../src/config/row.ts';
import { directiveRows, variableRows } from '../src/modules/index.ts';
import { classifyUpstreamError, certificateFailure } from '../src/tls/upstream-failure.ts';
import { createUpstreamTlsPolicy } from '../src/tls/upstream-policy.ts';
import { defaultUpstreamTlsSettings } from '../src/tls/upstream-settings.ts';
import { problemsOf } from './kit/check-example.ts';
import { testPki } from './kit/pki.ts';
import { repository } from './kit/source-tree.ts';

const codes = Object.keys(errorRows) as ErrorCode[];
const tlsPage = readFileSync(join(repository, 'docs/tls.md'), 'utf8');

test('every error code has a page, and every page a code', () => {
  const missing = codes.filter((code) => !existsSync(join(repository, `docs/errors/${code}.md`)));
  assert.deepEqual(missing, []);
  const pages = globSync('docs/errors/*.md', { cwd: repository });
  assert.deepEqual(
    pages.map((path) => basename(path, '.md')).filter((code) => !(code in errorRows)),
    [],
  );
});

test('every error code has causes and what mends it', () => {
  const silent = codes.filter((code) => {
    const { causes, mend } = errorRows[code];
    return causes.length === 0 || mend.length === 0 || [...causes, ...mend].includes('');
  });
  assert.deepEqual(silent, []);
});

test('every code of TLS towards upstream servers says how to find the cause', () => {
  const silent = codes.filter(
    (code) => logLineOf(code, errorRows[code]) !== null && errorRows[code].checks.length === 0,
  );
  assert.deepEqual(silent, []);
});

for (const code of codes) {
  const { example } = errorRows[code];
  if (example === null) continue;
  test(`the example of ${code} is a configuration`, () => {
    assert.deepEqual(problemsOf(example.text, example.context), []);
  });
}

test('every variable of a command is set before it is used', () => {
  for (const code of codes) {
    const { checks, source } = errorRows[code];
    assert.doesNotThrow(() => shellVariables(checks, source, code), code);
  }
});

const order: readonly Context[] = ['location', 'upstream', 'server', 'http', 'events', 'main'];

for (const row of directiveRows) {
  const { example } = row;
  if (example === null) continue;
  const context = order.find((one) => row.contexts.includes(one)) ?? 'main';
  test(`the example of ${row.name} can stand in ${context}`, () => {
    assert.match(example, new RegExp(`\\b${row.name}\\b`));
    assert.deepEqual(problemsOf(example, context), []);
  });
}

// What Node.js cannot do has nothing to show.
const refused = new Set(['ssl_certificate_compression', 'ssl_early_data', 'ssl_ech_file']);

test('every directive of TLS has an example', () => {
  const bare = directiveRows.filter(
    ({ name, example, withoutEffect }) =>
      isTlsDirective(name) && example === null && withoutEffect === null && !refused.has(name),
  );
  assert.deepEqual(
    bare.map(({ name }) => name),
    [],
  );
});

test('the configurations in the text about TLS are right', () => {
  const blocks = Object.values(tlsText).flatMap((texts: readonly TextBlock[]) => texts);
  const pieces = blocks.flatMap((one) =>
    typeof one !== 'string' && 'code' in one ? [problemsOf(one.code, one.context)] : [],
  );
  assert.ok(pieces.length > 2);
  assert.deepEqual([...pieces.flat(), ...problemsOf(serverExample, 'http')], []);
});

test('the configurations in the README are right', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const pieces = [...readme.matchAll(/^```nginx\n(.*?)^```$/gms)].map(([, text = '']) => text);
  assert.ok(pieces.length > 3);
  for (const text of pieces) {
    const [context = 'main'] = contextsOf.find(([, opening]) => opening.test(text)) ?? [];
    assert.deepEqual(problemsOf(text, context), []);
  }
});

const contextsOf: readonly (readonly [Context, RegExp])[] = [
  ['main', /^events /m],
  ['http', /^(upstream|server) /m],
  ['server', /^location /m],
];

test('the parameters of servers are those of the text', () => {
  for (const { name, syntax, example } of serverParameters) {
    assert.ok(syntax.startsWith(name) && example.includes(name), name);
    assert.deepEqual(problemsOf(example, 'upstream'), []);
  }
});

test('docs/tls.md has every directive, variable and error code of TLS', () => {
  const directives = directiveRows.filter(({ name }) => isTlsDirective(name));
  const variables = variableRows.filter(({ name }) => isTlsVariable(name));
  const wanted = [
    ...directives.map((row) => (row.withoutEffect === null ? '### ' : '- ') + `\`${row.name}\``),
    ...variables.map(({ name }) => `- \`$${name}\`:`),
    ...codes.filter((code) => code.startsWith('UPSTREAM_TLS_')).map((code) => `errors/${code}.md`),
  ];
  assert.ok(directives.length > 20 && variables.length > 20);
  assert.deepEqual(
    wanted.filter((text) => !tlsPage.includes(text)),
    [],
  );
});

test('the log line about a certificate has the parts that the pages explain', async () => {
  const { a } = await testPki();
  const target = await upstream();
  const failure = { code: 'UPSTREAM_TLS_NAME_MISMATCH', what: 'a', mend: 'b' } as const;
  const presented = new X509Certificate(a.certificatePem);
  const { message } = certificateFailure(failure, { target, presented });
  assertInOrder(
    message,
    certificateLine.fields.map(({ name }) => name),
  );
  assertInOrder(
    certificateLine.sample,
    certificateLine.fields.map(({ name }) => name),
  );
});

test('the log line about a handshake has the parts that the pages explain', async () => {
  const alert = Object.assign(new Error('refused'), {
    code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
  });
  const { message } = classifyUpstreamError(alert, 'handshake', await upstream());
  assertInOrder(
    message,
    handshakeLine.fields.map(({ name }) => name),
  );
  assertInOrder(
    handshakeLine.sample,
    handshakeLine.fields.map(({ name }) => name),
  );
});

async function upstream() {
  const { caFile, ca } = await testPki();
  const trusted = { path: caFile, pem: ca };
  return {
    policy: createUpstreamTlsPolicy({ ...defaultUpstreamTlsSettings, trusted }),
    address: { kind: 'ip', host: '192.0.2.10', port: 8443 } as const,
    verifyName: 'orders-1.internal',
    serverName: 'orders-1.internal',
  };
}

function assertInOrder(text: string, parts: readonly string[]): void {
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    assert.ok(at >= 0, `"${part}" in its place in: ${text}`);
    from = at + part.length;
  }
}
