import assert from 'node:assert/strict';
import { createDiffieHellmanGroup } from 'node:crypto';
import { test } from 'node:test';
import { readDhParameters } from './dh-parameters.ts';

function integer(bytes: Buffer): Buffer {
  const value = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return element(2, value);
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
}

function pem(label: string, der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString('base64')}\n-----END ${label}-----\n`;
}

function parameters(group: string): Buffer {
  const known = createDiffieHellmanGroup(group);
  const parts = [integer(known.getPrime()), integer(known.getGenerator())];
  return element(0x30, Buffer.concat(parts));
}

const path = 'dh.pem';

test('the parameters are found among other things', () => {
  const block = pem('DH PARAMETERS', parameters('modp14'));
  assert.equal(readDhParameters({ path, pem: `by hand\n${block}more` }), block.trim());
});

for (const [name, text, reason] of [
  ['nothing', 'hello', /there are no DH parameters in it/],
  ['another block', pem('CERTIFICATE', parameters('modp14')), /there are no DH parameters/],
  ['the form of X9.42', pem('X9.42 DH PARAMETERS', parameters('modp14')), /X9\.42 cannot be used/],
  ['garbage', pem('DH PARAMETERS', Buffer.from('garbage')), /malformed/],
  ['one number', pem('DH PARAMETERS', element(0x30, integer(Buffer.of(5)))), /malformed/],
  [
    'a short prime',
    pem('DH PARAMETERS', parameters('modp1')),
    /cannot be used: DH parameter is less than 1024 bits/,
  ],
] as const) {
  test(`${name} is refused`, () => {
    const message = new RegExp(`^"dh\\.pem": .*${reason.source}`);
    assert.throws(() => readDhParameters({ path, pem: text }), {
      code: 'CERTIFICATE_INVALID',
      message,
    });
  });
}
