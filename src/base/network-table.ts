// From an address to the value of the smallest network that it lies in. Networks are cut into
// intervals that do not overlap, once; an address is then found by halving.

import type { Network } from './network.ts';

/** Networks of one length of address (4 or 16 bytes) while they are gathered. */
export class NetworkTableBuilder<V> {
  readonly #byKey = new Map<string, { readonly network: Network; readonly value: V }>();

  /** @returns the value that the network had before; undefined for a new one */
  set(network: Network, value: V): V | undefined {
    const key = keyOf(network);
    const old = this.#byKey.get(key);
    this.#byKey.set(key, { network, value });
    return old?.value;
  }

  /** @returns false where there is no such network */
  delete(network: Network): boolean {
    return this.#byKey.delete(keyOf(network));
  }

  /** @param length - of the addresses, in bytes: 4 or 16 */
  build(length: number): NetworkTable<V> {
    const spans = [...this.#byKey.values()].map(({ network, value }) => spanOf(network, value));
    // Of two that begin at one place the larger comes first: the smaller lies in it.
    spans.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.bits - b.bits));
    return new NetworkTable(flatten(spans), length);
  }
}

function keyOf({ bytes, bits }: Network): string {
  return `${bits}/${Buffer.from(bytes).toString('hex')}`;
}

interface Span<V> {
  readonly start: bigint;
  /** First address behind it. */
  readonly end: bigint;
  readonly bits: number;
  readonly value: V;
}

function spanOf<V>({ bytes, bits }: Network, value: V): Span<V> {
  const start = numberOf(bytes);
  return { start, end: start + (1n << BigInt(bytes.length * 8 - bits)), bits, value };
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** From here on, up to the next one, addresses have this value; undefined: none. */
interface Step<V> {
  start: bigint;
  value: V | undefined;
}

// Networks either lie in each other or apart: what is open at a place is a stack.
function flatten<V>(spans: readonly Span<V>[]): readonly Step<V>[] {
  const steps: Step<V>[] = [];
  const open: Span<V>[] = [];
  const begin = (start: bigint, value: V | undefined): void => {
    const last = steps.at(-1);
    if (last?.start === start) last.value = value;
    else if (last?.value !== value || steps.length === 0) steps.push({ start, value });
  };
  const closeUntil = (place: bigint | null): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (place !== null && top.end > place) return;
      open.pop();
      begin(top.end, open.at(-1)?.value);
    }
  };
  for (const span of spans) {
    closeUntil(span.start);
    begin(span.start, span.value);
    open.push(span);
  }
  closeUntil(null);
  return steps;
}

const bitsPerWord = 32n;

/** For looking addresses up. */
export class NetworkTable<V> {
  /** 32-bit words of each beginning, one beginning after the other. */
  readonly #starts: Uint32Array;
  readonly #values: readonly (V | undefined)[];
  readonly #words: number;

  /** For `NetworkTableBuilder.build` alone. */
  constructor(steps: readonly Step<V>[], length: number) {
    const words = length / 4;
    const beyond = 1n << BigInt(length * 8);
    const within = steps.filter(({ start }) => start < beyond);
    this.#words = words;
    this.#starts = new Uint32Array(within.length * words);
    this.#values = within.map(({ value }) => value);
    within.forEach(({ start }, i) => {
      for (let word = 0; word < words; word += 1) {
        const shift = BigInt(words - 1 - word) * bitsPerWord;
        this.#starts[i * words + word] = Number((start >> shift) & 0xffffffffn);
      }
    });
  }

  /** @param address - bytes in network order, as many as the table's addresses have */
  find(address: Uint8Array): V | undefined {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(address, middle)) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? undefined : this.#values[low - 1];
  }

  #isBefore(address: Uint8Array, index: number): boolean {
    for (let word = 0; word < this.#words; word += 1) {
      const start = this.#starts[index * this.#words + word] ?? 0;
      const own = wordOf(address, word * 4);
      if (own !== start) return own < start;
    }
    return false;
  }
}

function wordOf(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return high * 65_536 + low;
}
