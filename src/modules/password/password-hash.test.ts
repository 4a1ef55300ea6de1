import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { passwordHashOf } from './password-hash.ts';

// Made with perl's crypt() over libxcrypt, openssl passwd and htpasswd.
const known: readonly (readonly [string, string])[] = [
  ['secret', 'abNANd1rDfiNc'],
  ['secret', './17m29LFAflg'],
  ['secret', 'zZ5x4y8hS4SZE'],
  ['secret', '9xfVMXbcoTt8.'],
  ['', 'abmF1QH4PEr.E'],
  ['', './Una9Fi.seRo'],
  ['päss', 'abxNd6oRGYP9Q'],
  ['päss', 'zZE/Z3cJ7B3NM'],
  ['longer than eight', 'abKuvfXyuH4Fw'],
  ['longer t', 'abKuvfXyuH4Fw'],
  ['a', '9xWu2XhNsg0eM'],
  ['secret', '$1$salt$ez2vlPGdaLYkJam5pWs/Y1'],
  ['', '$1$salt$UsdFqFVB.FsuinRDK5eE..'],
  ['päss', '$1$salt$l2VGtrrDS6SYU7RcQwz0R1'],
  ['longer than eight', '$1$salt$9rtNtrjUWyKFlaRz6o4xL0'],
  ['secret', '$1$ab$dslkcXxVH.x8LwW1W/oAB/'],
  ['secret', '$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0'],
  ['', '$apr1$xyz$Pix4eE3fQHxJjb6LqtyMK1'],
  ['a much longer password than sixteen bytes', '$apr1$xyz$sngVNd2HxztpkLOqQL95a.'],
  ['secret', '$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6'],
  ['', '$5$salt$HrcUzzoef72uxM/YhTU5BAi419Fblqlq//zyM.rIOG0'],
  ['päss', '$5$rounds=1000$abcdefghijklmnop$mms1SarXbWIIvMl/REW1ChM2Oy7R7uWAqQ22Z1HF0K3'],
  [
    'secret',
    '$6$s$0ONk7Cb6vQHj.WRVKbGZ0Y86yhuLam11L92a6wziCUwhPAmO1YdgYIoxpvS.wNpwTsZveSEo7dJ07No6GUEhX0',
  ],
  [
    'longer than eight',
    '$6$rounds=1400$anotherlongsalts$Tq4UYtf1tAak7GT8qnh.7hbJjTkx53cLWJlT8ToEmqKw19J7fuQ9InMfXfTH0vT8bCGQsaYTGrw4qohubw4Am0',
  ],
  ['secret', '$2y$05$pUHEgkbEwV/bAzwh8/1evOXXIIbi71BRyV1h.7x32As9CTT0c8OEO'],
  ['secret', '{PLAIN}secret'],
  ['secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ['secret', '{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0'],
];

function computed(password: string, stored: string): string | null {
  return passwordHashOf(stored)?.compute(Buffer.from(password), stored) ?? null;
}

test('each kind of hash gives what other programs stored', () => {
  for (const [password, stored] of known) assert.equal(computed(password, stored), stored);
});

test('another password gives another hash', () => {
  for (const [, stored] of known) assert.notEqual(computed('another', stored), stored);
});

test('texts that are no hash are told apart', () => {
  for (const stored of ['', 'x', '!!', '*', '$9$x$y', '$2y$04$short', '$2y$99$' + 'a'.repeat(53)]) {
    assert.equal(passwordHashOf(stored), null, stored);
  }
});

test('a number of rounds beyond bounds is malformed', () => {
  assert.equal(computed('secret', '$5$rounds=999$salt$x'), null);
  assert.equal(computed('secret', '$6$rounds=0$salt$x'), null);
});

test('no stored text makes a quick hash throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('', '{SSHA}', '{SHA}', '{PLAIN}'), (text, prefix) => {
      const kind = passwordHashOf(prefix + text);
      if (kind?.slow === false) kind.compute(Buffer.from(text), prefix + text);
    }),
    { numRuns: 300 },
  );
});
