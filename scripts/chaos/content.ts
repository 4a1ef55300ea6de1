// What a body holds, as a function of the number of its request: both ends know every byte, so one
// that is missing, doubled, or of another request is found wherever it turns up.

import { Random } from '../../test/kit/random.ts';

/** A prime, so that no size of a buffer or of a record divides it. */
const period = 1_048_573;

const block = makeBlock();

function makeBlock(): Buffer {
  const random = new Random(20_260_101);
  const bytes = Buffer.alloc(period + 3);
  for (let at = 0; at < period; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at);
  return bytes.subarray(0, period);
}

/** A request's own body, its answer's, or what an upgraded connection carries. */
export type Part = 'request' | 'answer' | 'tunnel';

const salts: Readonly<Record<Part, number>> = { request: 1, answer: 2, tunnel: 3 };

/** The content of one body. */
export class Content {
  readonly #start: number;

  constructor(id: number, part: Part) {
    const mixed = Math.imul(id * 4 + salts[part], 0x9e3779b1) >>> 0;
    this.#start = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0;
  }

  /** The bytes from one offset to another, in parts that are not to be changed. */
  *parts(from: number, to: number): Generator<Buffer> {
    for (let at = from; at < to;) {
      const place = (this.#start + at) % period;
      const size = Math.min(to - at, period - place);
      yield block.subarray(place, place + size);
      at += size;
    }
  }

  bytes(from: number, to: number): Buffer {
    return Buffer.concat([...this.parts(from, to)]);
  }

  /** Is `chunk` what comes at this offset? */
  matches(offset: number, chunk: Buffer): boolean {
    let at = 0;
    for (const part of this.parts(offset, offset + chunk.length)) {
      if (chunk.compare(part, 0, part.length, at, at + part.length) !== 0) return false;
      at += part.length;
    }
    return true;
  }
}
