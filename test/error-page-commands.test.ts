// The commands of the error pages can be pasted: each runs against a TLS server with the options
// that it has, and finds what the page says it shows.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { usedVariables } from '../scripts/reference/shell-variables.ts';
import { errorRows } from '../src/base/errors.ts';
import { saveChain } from '../src/base/error-advice/commands.ts';
import { opensslAvailable } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { atEnd, type Scope } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !opensslAvailable;

// A certificate without a responder has nobody to ask.
const commands = [
  ...new Set(
    Object.entries(errorRows)
      .filter(([code]) => code.startsWith('UPSTREAM_TLS_') || code === 'CERTIFICATE_INVALID')
      .flatMap(([, { checks }]) => checks.map(({ run }) => run))
      .filter((run) => run.includes('openssl') && !/-ocsp_uri\)|\bserver\.pem|\$CRL_URL/.test(run)),
  ),
];

interface Outcome {
  readonly output: string;
  readonly errors: string;
}

async function shell(run: string, env: Record<string, string>, cwd: string): Promise<Outcome> {
  const child = spawn('sh', ['-c', run], { cwd, env: { ...process.env, ...env } });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  child.stdin.end();
  await once(child, 'close');
  return { output, errors };
}

async function workplace(scope: Scope) {
  const pki = await testPki();
  const server = createServer({ ...pki.chained.tls });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => socket.on('error', () => undefined).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(scope, async () => {
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const folder = tempFolder(scope);
  const env = {
    ADDRESS: `127.0.0.1:${address.port}`,
    NAME: 'a.test',
    CA: pki.caFile,
    CRL: pki.crlFile,
    CERT: pki.chained.certificate,
    KEY: pki.chained.key,
    CLIENT: pki.client.certificate,
    CLIENT_KEY: pki.client.key,
  };
  await shell(saveChain.run, env, folder);
  return { folder, env };
}

test('OpenSSL understands every command', { skip }, async (t) => {
  const { folder, env } = await workplace(t);
  assert.ok(commands.length > 20);
  for (const run of commands) {
    const unset = usedVariables([{ look: '', run }]).filter((name) => !(name in env));
    assert.deepEqual(unset, [], run);
    const { errors } = await shell(run, env, folder);
    assert.doesNotMatch(errors, /option|usage|-help|not found|syntax error|Could not/i, run);
  }
});

async function outputOf(code: keyof typeof errorRows, index: number, scope: Scope) {
  const { folder, env } = await workplace(scope);
  const check = errorRows[code].checks[index];
  assert.ok(check !== undefined, `${code} has a command ${index}`);
  return (await shell(check.run, env, folder)).output;
}

test('the chain is saved, and verifies', { skip }, async (t) => {
  assert.match(await outputOf('UPSTREAM_TLS_UNKNOWN_ISSUER', 1, t), /CN = Test intermediate/);
  assert.match(await outputOf('UPSTREAM_TLS_UNKNOWN_ISSUER', 2, t), /chain\.pem: OK/);
});

test('the names of the certificate are shown', { skip }, async (t) => {
  assert.match(await outputOf('UPSTREAM_TLS_NAME_MISMATCH', 1, t), /DNS:a\.test/);
});

test('the pin has the form of proxy_ssl_pin', { skip }, async (t) => {
  assert.match(await outputOf('UPSTREAM_TLS_PIN_MISMATCH', 1, t), /^[A-Za-z0-9+/]{43}=\n$/);
});
