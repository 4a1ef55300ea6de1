import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTlsEnvironment } from './environment.ts';

test('an environment without TLS variables is fine', () => {
  assert.deepEqual(checkTlsEnvironment({ PATH: '/bin', SSL_CERT_FILE: '' }), {
    refuse: null,
    notes: [],
  });
});

test('NODE_TLS_REJECT_UNAUTHORIZED=0 refuses to start', () => {
  const { refuse } = checkTlsEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  assert.match(refuse ?? '', /NODE_TLS_REJECT_UNAUTHORIZED=0/);
  assert.equal(checkTlsEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }).refuse, null);
});

test('variables that change what is trusted are named', () => {
  const { refuse, notes } = checkTlsEnvironment({
    NODE_EXTRA_CA_CERTS: '/x.pem',
    NODE_USE_SYSTEM_CA: '1',
    SSL_CERT_FILE: '/f',
    SSL_CERT_DIR: '/d',
    NODE_OPTIONS: '--max-old-space-size=100 --use-openssl-ca --tls-min-v1.0',
  });
  assert.equal(refuse, null);
  assert.equal(notes.length, 5);
  for (const word of ['NODE_EXTRA_CA_CERTS=/x.pem', 'NODE_USE_SYSTEM_CA', 'SSL_CERT_FILE']) {
    assert.ok(
      notes.some((note) => note.startsWith(word)),
      word,
    );
  }
  assert.match(notes.at(-1) ?? '', /--use-openssl-ca --tls-min-v1\.0/);
});
