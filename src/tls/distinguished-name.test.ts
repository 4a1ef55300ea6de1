import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine, rfc2253 } from './distinguished-name.ts';

// The expected texts are those of `openssl x509 -nameopt RFC2253`.
test('a name is written last part first, as OpenSSL writes RFC 2253', () => {
  assert.equal(rfc2253('C=DE\nO=Example\nCN=a.example'), 'CN=a.example,O=Example,C=DE');
});

test('escapes are kept and bytes above 127 escaped', () => {
  assert.equal(
    rfc2253('O=Ex\\, \\"am\\" ple\\ \nCN=ünï'),
    'CN=\\C3\\BCn\\C3\\AF,O=Ex\\, \\"am\\" ple\\ ',
  );
});

test('a part of several values keeps them together', () => {
  assert.equal(rfc2253('serialNumber=12 + CN=x\nO=y'), 'O=y,CN=x+serialNumber=12');
});

test('an empty name stays empty', () => {
  assert.equal(rfc2253(''), '');
});

test("OpenSSL's old form has the first part first and escapes its separators", () => {
  assert.equal(oneLine('C=DE\nO=A\\, B + OU=C\nCN=a/b\\+c'), '/C=DE/O=A, B+OU=C/CN=a\\/b\\+c');
  assert.equal(oneLine('CN=Zo\u00eb'), '/CN=Zo\\xC3\\xAB');
  assert.equal(oneLine(''), '');
});
