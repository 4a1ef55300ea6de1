// Changes to an input: bytes, ranges, words, numbers, pieces of other inputs. A few at a time.

import type { Random } from '../../test/kit/random.ts';

/** What mutations draw from. */
export interface Material {
  readonly random: Random;
  readonly words: readonly Buffer[];
  /** Another input of the corpus. */
  readonly other: () => Buffer;
  readonly maxBytes: number;
}

type Mutation = (input: Buffer, material: Material) => Buffer;

const notable = [
  0, 1, 9, 10, 13, 32, 34, 35, 37, 39, 44, 47, 48, 58, 59, 92, 123, 125, 127, 128, 255,
];

function spliced(input: Buffer, start: number, end: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, start), inserted, input.subarray(end)]);
}

function place(input: Buffer, random: Random): number {
  return random.below(input.length + 1);
}

function range(input: Buffer, random: Random): { start: number; end: number } {
  const start = place(input, random);
  const most = random.oneIn(4) ? input.length : 16;
  const end = Math.min(input.length, start + 1 + random.below(most + 1));
  return { start, end };
}

const changeBit: Mutation = (input, { random }) => {
  const copy = Buffer.from(input);
  const at = random.below(Math.max(1, copy.length));
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
};

const setByte: Mutation = (input, { random }) => {
  const copy = Buffer.from(input);
  const value = random.oneIn(2) ? random.pick(notable) : random.below(256);
  if (copy.length > 0) copy[random.below(copy.length)] = value;
  return copy;
};

const insertByte: Mutation = (input, { random }) => {
  const at = place(input, random);
  const value = random.oneIn(2) ? random.pick(notable) : random.below(256);
  return spliced(input, at, at, Buffer.alloc(random.oneIn(16) ? 64 : 1, value));
};

const insertWord: Mutation = (input, { random, words }) => {
  const at = place(input, random);
  return words.length === 0 ? input : spliced(input, at, at, random.pick(words));
};

const replaceByWord: Mutation = (input, { random, words }) => {
  const { start } = range(input, random);
  if (words.length === 0) return input;
  const word = random.pick(words);
  return spliced(input, start, Math.min(input.length, start + word.length), word);
};

const remove: Mutation = (input, { random }) => {
  const { start, end } = range(input, random);
  return spliced(input, start, end, Buffer.alloc(0));
};

const repeat: Mutation = (input, { random }) => {
  const { start, end } = range(input, random);
  const part = input.subarray(start, end);
  const times = random.oneIn(8) ? 2 + random.below(40) : 1;
  return spliced(input, end, end, Buffer.concat(Array.from({ length: times }, () => part)));
};

const move: Mutation = (input, { random }) => {
  const { start, end } = range(input, random);
  const part = Buffer.from(input.subarray(start, end));
  const rest = spliced(input, start, end, Buffer.alloc(0));
  const at = place(rest, random);
  return spliced(rest, at, at, part);
};

const cross: Mutation = (input, { random, other }) => {
  const from = other();
  const { start, end } = range(from, random);
  const at = place(input, random);
  const until = random.oneIn(2) ? at : Math.min(input.length, at + end - start);
  return spliced(input, at, until, from.subarray(start, end));
};

const beginningOfOther: Mutation = (input, { random, other }) => {
  const from = other();
  return Buffer.concat([
    from.subarray(0, place(from, random)),
    input.subarray(place(input, random)),
  ]);
};

/** A length of two bytes that is a little off, or written into a place where none was. */
const changeLength: Mutation = (input, { random }) => {
  if (input.length < 2) return input;
  const copy = Buffer.from(input);
  const at = random.below(copy.length - 1);
  const value = random.oneIn(3) ? copy.length - at - 2 : copy.readUInt16BE(at);
  copy.writeUInt16BE((value + random.below(9) - 4 + 65_536) % 65_536, at);
  return copy;
};

const numbers = ['0', '-1', '255', '256', '65535', '65536', '4294967296', '9007199254740993', 'f0'];

const changeNumber: Mutation = (input, { random }) => {
  const found = [...input.toString('latin1').matchAll(/[0-9]+/g)];
  if (found.length === 0) return input;
  const match = random.pick(found);
  const changed = random.oneIn(2) ? String(Number(match[0]) + 1) : random.pick(numbers);
  return spliced(input, match.index, match.index + match[0].length, Buffer.from(changed));
};

const changeCase: Mutation = (input, { random }) => {
  const copy = Buffer.from(input);
  for (let tries = 0; tries < 8 && copy.length > 0; tries += 1) {
    const at = random.below(copy.length);
    if (!/[A-Za-z]/.test(String.fromCharCode(copy[at] ?? 0))) continue;
    copy[at] = (copy[at] ?? 0) ^ 0x20;
    break;
  }
  return copy;
};

const mutations: readonly Mutation[] = [
  ...[changeBit, setByte, insertByte, insertWord, insertWord, replaceByWord, remove, remove],
  ...[repeat, move, cross, cross, beginningOfOther, changeLength, changeNumber, changeCase],
];

/** A changed copy of an input. */
export function mutate(input: Buffer, material: Material): Buffer {
  const { random, maxBytes } = material;
  let result = input;
  for (let left = 1 + random.below(random.oneIn(3) ? 8 : 3); left > 0; left -= 1) {
    result = random.pick(mutations)(result, material);
  }
  return result.length > maxBytes ? result.subarray(0, maxBytes) : result;
}
