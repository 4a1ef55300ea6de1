// Keys of other certificates: with keys made for the test, since none are kept in the sources.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { testPki } from '../../../test/kit/pki.ts';
import { audit } from '../audit.ts';
import { readTextSource } from '../sources.ts';
import { expired } from './certificate-files.ts';

const configuration = `server {
  ssl_certificate one.pem;
  ssl_certificate_key one.key;
}
`;

async function findingsWith(key: string): Promise<readonly string[]> {
  const pair = (await testPki()).a.tls;
  const files: Readonly<Record<string, string>> = {
    '/one.pem': pair.cert,
    '/one.key': key === '' ? pair.key : key,
  };
  const report = audit(readTextSource(configuration, 'nginx.conf'), {
    rules: [expired],
    disk: { read: (path) => Buffer.from(files[path] ?? ''), mode: () => null },
  });
  return report.findings.map(({ message }) => message).filter((text) => text.includes('key'));
}

test('a key of another certificate is found', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  assert.equal((await findingsWith(other)).length, 1);
});

test('its own key, and one that cannot be read, are not', async () => {
  assert.deepEqual(await findingsWith(''), []);
  assert.deepEqual(await findingsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----\n'), []);
});
