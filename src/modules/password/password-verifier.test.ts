import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { PasswordVerifier, type PasswordVerdict } from './password-verifier.ts';

const sha512 =
  '$6$s$0ONk7Cb6vQHj.WRVKbGZ0Y86yhuLam11L92a6wziCUwhPAmO1YdgYIoxpvS.wNpwTsZveSEo7dJ07No6GUEhX0';
// Would take minutes.
const endless = '$6$rounds=99999999$salt$x';

const opened: PasswordVerifier[] = [];

function verifier(): PasswordVerifier {
  const one = new PasswordVerifier();
  opened.push(one);
  return one;
}

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function verdict(
  one: PasswordVerifier,
  password: string,
  stored: string,
): Promise<PasswordVerdict> {
  return new Promise((resolve, reject) => {
    const started = one.start(password, stored, { onPasswordVerdict: resolve });
    if (!started) reject(new Error('refused'));
  });
}

test('quick hashes are compared at once', () => {
  const one = verifier();
  assert.equal(one.check('secret', '{PLAIN}secret'), true);
  assert.equal(one.check('secret', '{PLAIN}other'), false);
  assert.equal(one.check('secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='), true);
  assert.equal(one.check('secret', '!'), null);
});

test('a slow hash that was right is known from then on, a wrong password is not', async () => {
  const one = verifier();
  assert.equal(one.check('secret', sha512), 'slow');
  assert.equal(await verdict(one, 'secret', sha512), true);
  assert.equal(one.check('secret', sha512), true);
  assert.equal(await verdict(one, 'Secret', sha512), false);
  assert.equal(one.check('Secret', sha512), 'slow');
  assert.equal(one.check('secret', `${sha512}x`), 'slow');
});

test('a malformed hash has no verdict', async () => {
  assert.equal(await verdict(verifier(), 'secret', '$5$rounds=1$salt$x'), null);
});

test('only so many may wait, and those who leave make room', () => {
  const one = verifier();
  const waiter = { onPasswordVerdict: (): void => undefined };
  const last = { onPasswordVerdict: (): void => undefined };
  let started = 0;
  while (one.start(String(started), endless, waiter)) started += 1;
  assert.equal(started, 200);
  // The same password waits with the one that is there.
  assert.equal(one.start('199', endless, last), true);
  one.forget(waiter);
  one.forget(waiter);
  assert.equal(one.start('another', endless, last), true);
});

test('whoever waits when it closes is told that there is no verdict', async () => {
  const one = verifier();
  const waiting = verdict(one, 'secret', endless);
  one.close();
  assert.equal(await waiting, null);
  assert.equal(one.start('secret', sha512, { onPasswordVerdict: () => undefined }), false);
});
