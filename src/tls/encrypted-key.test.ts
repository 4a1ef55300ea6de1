// Encrypted private keys and the files of their passwords.

import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { decryptKey, readPasswords } from './encrypted-key.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const open = privateKey.export({ type: 'pkcs8', format: 'pem' });

function encrypted(type: 'pkcs8' | 'sec1'): string {
  return privateKey.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' });
}

for (const type of ['pkcs8', 'sec1'] as const) {
  test(`a key encrypted as ${type} is decrypted by the password that fits`, () => {
    const key = decryptKey({ path: 'k.pem', pem: encrypted(type) }, ['wrong', 'right']);
    assert.equal(key.path, 'k.pem');
    assert.ok(createPrivateKey(key.pem).equals(privateKey));
  });

  test(`a key encrypted as ${type} that no password fits is refused by its file's name`, () => {
    const key = { path: 'k.pem', pem: encrypted(type) };
    const refused = (message: RegExp) => ({ code: 'CERTIFICATE_INVALID', message });
    assert.throws(() => decryptKey(key, ['wrong']), refused(/^"k\.pem": .*password does not fit/));
    assert.throws(() => decryptKey(key, ['a', 'b']), refused(/none of the 2 passwords fits/));
    assert.throws(() => decryptKey(key, []), refused(/no passphrase is known/));
  });
}

test('a key that is not encrypted stays as it is', () => {
  const key = { path: 'k.pem', pem: open };
  assert.equal(decryptKey(key, ['right']), key);
});

test('each line of a password file is a password', () => {
  assert.deepEqual(readPasswords('first\r\n\n  second \nlast'), ['first', '  second ', 'last']);
});
