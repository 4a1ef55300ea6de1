// OpenSSL's commands as options of contexts: what is mapped, what is refused and why.

import assert from 'node:assert/strict';
import { constants } from 'node:crypto';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { applyOverrides, mergeOverrides, readConfCommand } from './conf-command.ts';

test('commands are found in any case of letters and give what they change', () => {
  assert.deepEqual(readConfCommand('ciphersuites', 'TLS_AES_256_GCM_SHA384'), {
    ciphersuites: 'TLS_AES_256_GCM_SHA384',
  });
  assert.deepEqual(readConfCommand('CipherString', 'HIGH:!aNULL'), { ciphers: 'HIGH:!aNULL' });
  assert.deepEqual(readConfCommand('Curves', 'X25519:P-256'), { groups: 'X25519:P-256' });
  assert.deepEqual(readConfCommand('Groups', 'X25519'), { groups: 'X25519' });
  assert.deepEqual(readConfCommand('SignatureAlgorithms', 'ECDSA+SHA256'), {
    sigalgs: 'ECDSA+SHA256',
  });
  assert.deepEqual(readConfCommand('MinProtocol', 'TLSv1.3'), { minVersion: 'TLSv1.3' });
  assert.deepEqual(readConfCommand('MaxProtocol', 'none'), { maxVersion: 'TLSv1.3' });
  assert.deepEqual(readConfCommand('Protocol', '-TLSv1.2'), {
    optionsOn: constants.SSL_OP_NO_TLSv1_2,
  });
});

test('an option word sets its bit, or clears it', () => {
  const ticket = constants.SSL_OP_NO_TICKET;
  assert.deepEqual(readConfCommand('Options', '-SessionTicket'), { optionsOn: ticket });
  assert.deepEqual(readConfCommand('Options', 'SessionTicket'), { optionsOff: ticket });
  const preference = constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
  const chaCha = constants.SSL_OP_PRIORITIZE_CHACHA;
  assert.deepEqual(readConfCommand('Options', 'PrioritizeChaCha, +serverpreference'), {
    optionsOn: preference | chaCha,
  });
});

test('what cannot be done, or takes a protection away, is refused by name', () => {
  const why = (name: string, value: string): string => {
    const read = readConfCommand(name, value);
    assert.equal(typeof read, 'string', `${name} ${value}`);
    return String(read);
  };
  assert.match(why('Nonsense', 'x'), /no command "Nonsense"; the commands are Ciphersuites, /);
  assert.match(why('ClientSignatureAlgorithms', 'x'), /not possible: Node\.js cannot set/);
  assert.match(why('Options', 'KTLS'), /option "KTLS" is refused: .*kernel/);
  assert.match(why('Options', 'UnsafeLegacyRenegotiation'), /CVE-2009-3555/);
  assert.match(why('Options', '-EncryptThenMac'), /"-EncryptThenMac" is refused/);
  assert.match(why('Options', 'Bugs'), /BEAST/);
  assert.match(why('Options', 'SessionTicket,Nothing'), /no option "Nothing"; there are Session/);
  assert.match(why('Ciphersuites', 'AES128-SHA'), /"AES128-SHA" is not a TLS 1\.3 cipher suite/);
  assert.match(why('CipherString', 'NOTHING'), /OpenSSL does not take "NOTHING"/);
  assert.match(why('Groups', 'no-such-group'), /OpenSSL does not take "no-such-group"/);
  assert.match(why('SignatureAlgorithms', 'no-such'), /OpenSSL does not take "no-such"/);
  assert.match(why('MinProtocol', 'SSLv3'), /"SSLv3" is not a TLS version/);
});

test('of two commands for one thing the later one counts', () => {
  const ticket = constants.SSL_OP_NO_TICKET;
  assert.deepEqual(
    mergeOverrides([
      { ciphers: 'HIGH', optionsOn: ticket },
      { ciphers: 'DEFAULT', optionsOff: ticket },
      { groups: 'X25519' },
    ]),
    { ciphers: 'DEFAULT', groups: 'X25519', optionsOff: ticket },
  );
});

test('overrides go over the options of a context, which Node takes', () => {
  const before = {
    ciphers: 'HIGH:TLS_AES_256_GCM_SHA384',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_TLSv1_3,
  } as const;
  const after = applyOverrides(before, {
    ciphers: 'ECDHE+AESGCM',
    ciphersuites: 'TLS_AES_128_GCM_SHA256',
    groups: 'X25519',
    sigalgs: 'ECDSA+SHA256',
    optionsOff: constants.SSL_OP_NO_TLSv1_3,
    optionsOn: constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  });
  assert.deepEqual(after, {
    ciphers: 'ECDHE+AESGCM:TLS_AES_128_GCM_SHA256',
    ecdhCurve: 'X25519',
    sigalgs: 'ECDSA+SHA256',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  });
  createSecureContext(after);
  assert.equal(before.ciphers, 'HIGH:TLS_AES_256_GCM_SHA384');
});

test('one kind of cipher suites is changed without the other', () => {
  const ciphers = 'HIGH:TLS_AES_256_GCM_SHA384';
  assert.equal(
    applyOverrides({ ciphers }, { ciphersuites: 'TLS_AES_128_GCM_SHA256' }).ciphers,
    'HIGH:TLS_AES_128_GCM_SHA256',
  );
  assert.equal(
    applyOverrides({ ciphers }, { ciphers: 'LOW' }).ciphers,
    'LOW:TLS_AES_256_GCM_SHA384',
  );
  assert.equal(applyOverrides({ ciphers }, {}).ciphers, ciphers);
});
