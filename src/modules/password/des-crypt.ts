// The oldest crypt(3): DES (FIPS 46-3) with the password's first eight characters as key, 25 times
// over a block of zeros, where the salt swaps bits of the expansion. Long broken, but still in
// password files. Bits are elements of arrays: slow and plain, as there is only one block.

import { cryptDigits, cryptText } from './crypt-text.ts';

// The tables of the standard. Places are counted from 1, as there.
const initial = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((first) =>
  Array.from({ length: 8 }, (_, i) => first - 8 * i),
);
const final = initial.map((_, place) => initial.indexOf(place + 1) + 1);
const keyChoice = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60,
  52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21,
  13, 5, 28, 20, 12, 4,
];
const roundKeyChoice = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52,
  31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const shifts = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
// Six bits of each four, with one neighbour at each side.
const expansion = Array.from({ length: 48 }, (_, i) => {
  const place = Math.floor(i / 6) * 4 + (i % 6);
  return place === 0 ? 32 : place === 33 ? 1 : place;
});
const permutation = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13,
  30, 6, 22, 11, 4, 25,
];
// S-boxes: four rows of sixteen hexadecimal digits each.
const boxes = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
].map((box) => Array.from(box, (digit) => Number.parseInt(digit, 16)));

const iterations = 25;

type Bits = readonly number[];

function choose(bits: Bits, places: readonly number[]): number[] {
  return places.map((place) => bits[place - 1] ?? 0);
}

function roundKeys(password: Buffer): Bits[] {
  const key: number[] = [];
  for (let i = 0; i < 8; i += 1) {
    const character = password[i] ?? 0;
    for (let bit = 6; bit >= 0; bit -= 1) key.push((character >> bit) & 1);
    // Where DES has its parity bit.
    key.push(0);
  }
  let halves = choose(key, keyChoice);
  return shifts.map((shift) => {
    const [left, right] = [halves.slice(0, 28), halves.slice(28)];
    halves = [left, right].flatMap((half) => [...half.slice(shift), ...half.slice(0, shift)]);
    return choose(halves, roundKeyChoice);
  });
}

/** The expansion with the bits swapped that the salt names. */
function saltedExpansion(salt: string): number[] {
  const places = [...expansion];
  Array.from(salt.slice(0, 2), (digit, group) => {
    const value = cryptDigits.indexOf(digit);
    for (let bit = 0; bit < 6; bit += 1) {
      if (((value >> bit) & 1) === 0) continue;
      const at = group * 6 + bit;
      [places[at], places[at + 24]] = [places[at + 24] ?? 0, places[at] ?? 0];
    }
  });
  return places;
}

function cipher(right: Bits, key: Bits, places: readonly number[]): number[] {
  const mixed = choose(right, places).map((bit, i) => bit ^ (key[i] ?? 0));
  const out: number[] = [];
  boxes.forEach((box, i) => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mixed.slice(i * 6, i * 6 + 6);
    const value = box[(a * 2 + f) * 16 + b * 8 + c * 4 + d * 2 + e] ?? 0;
    out.push((value >> 3) & 1, (value >> 2) & 1, (value >> 1) & 1, value & 1);
  });
  return choose(out, permutation);
}

function encrypt(block: Bits, keys: readonly Bits[], places: readonly number[]): number[] {
  const bits = choose(block, initial);
  let left = bits.slice(0, 32);
  let right = bits.slice(32);
  for (const key of keys) {
    const mixed = cipher(right, key, places).map((bit, i) => bit ^ (left[i] ?? 0));
    left = right;
    right = mixed;
  }
  return choose([...right, ...left], final);
}

/**
 * @param salt - begins with two characters of crypt's digits
 * @returns the whole hash, 13 characters, which equals the stored one if the password is right
 */
export function desCrypt(password: Buffer, salt: string): string {
  const keys = roundKeys(password);
  const places = saltedExpansion(salt);
  let block: number[] = Array.from({ length: 64 }, () => 0);
  for (let i = 0; i < iterations; i += 1) block = encrypt(block, keys, places);
  // Eleven groups of six bits, the highest first; two zeros fill the last.
  const padded = [...block, 0, 0];
  let text = salt.slice(0, 2);
  for (let at = 0; at < padded.length; at += 6) {
    text += cryptText(
      padded.slice(at, at + 6).reduce((sum, bit) => sum * 2 + bit, 0),
      1,
    );
  }
  return text;
}
