// A table in memory that all worker threads share, for `limit_req` and its like: records of four
// numbers by key and owner, as many as fit, the least recently used known. All work is done between
// `lock` and `unlock`.
//
// Keys are kept as hashes of 128 bits under a secret of the table: a record then has one size for
// keys of any length, two keys that meet are less likely than a failure of the machine, and no
// client can look for such a pair or for keys of one bucket.
//
//   header: lock, counts, ends of lists, secret | buckets | records of 64 bytes
//   record: next in bucket, newer, older, owner | hash | four numbers
//
// Zeros are an empty table: indexes are stored plus one. A record is in use where it has an owner,
// which is written last and taken away first, so that all lists can be made anew from the records
// when a thread has ended in the middle of a change.

import { randomFillSync } from 'node:crypto';
import { keyedHash } from './keyed-hash.ts';
import { SharedLock } from './shared-lock.ts';

/** Words of the header. */
const Header = { lock: 0, size: 2, used: 3, free: 4, newest: 5, oldest: 6, secret: 8 } as const;
const headerWords = 32;
/** Words of a record. */
const Word = { next: 0, newer: 1, older: 2, owner: 3, hash: 4 } as const;
const recordWords = 16;
const recordBytes = recordWords * 4;
/** Numbers of a record. */
const fields = 4;

/** Records that are gone through before others get their turn. */
const sweepSlice = 8_192;

/** How many records a table of so many bytes has: one for each 64. */
export function tableCapacity(bytes: number): number {
  return Math.max(1, Math.floor(bytes / recordBytes));
}

function bucketsFor(capacity: number): number {
  return 2 ** Math.max(1, Math.ceil(Math.log2(capacity)));
}

/** The table, as one thread sees it. */
export class SharedTable {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #lock: SharedLock;
  readonly #mask: number;
  /** Word of the first record. */
  readonly #records: number;
  readonly #secret: Int32Array;
  /** Of the key at hand. */
  readonly #hash = new Int32Array(4);

  /** The memory of an empty table. Takes no memory of the machine before it is used. */
  static create(bytes: number): SharedArrayBuffer {
    const capacity = tableCapacity(bytes);
    const words = headerWords + bucketsFor(capacity);
    const buffer = new SharedArrayBuffer(words * 4 + capacity * recordBytes);
    const secret = randomFillSync(Buffer.alloc(16));
    new Uint8Array(buffer).set(secret, Header.secret * 4);
    return buffer;
  }

  /**
   * @param buffer - made by `create`
   * @param bytes - as it was made with
   * @param thread - number of this thread, unlike those of all that share the table; from 0
   */
  constructor(buffer: SharedArrayBuffer, bytes: number, thread: number) {
    this.capacity = tableCapacity(bytes);
    const buckets = bucketsFor(this.capacity);
    this.#words = new Int32Array(buffer);
    this.#numbers = new Float64Array(buffer);
    this.#mask = buckets - 1;
    this.#records = headerWords + buckets;
    this.#secret = this.#words.slice(Header.secret, Header.secret + 4);
    this.#lock = new SharedLock(this.#words, Header.lock, thread + 1);
  }

  /** To be followed by `unlock` in the same turn, whatever happens between. */
  lock(): void {
    if (!this.#lock.acquire()) this.#mend();
  }

  unlock(): void {
    this.#lock.release();
  }

  /** Records in use. */
  get size(): number {
    return this.#words[Header.size] ?? 0;
  }

  // ---- records by key

  /** Says which key the next calls are about. Needs no lock. */
  select(key: string): void {
    keyedHash(key, this.#secret, this.#hash);
  }

  /** The record of the key that belongs to `owner`; -1 where there is none. */
  find(owner: number): number {
    for (let record = this.#first(); record >= 0; record = this.#next(record)) {
      if (this.#matches(record) && this.#get(record, Word.owner) === owner + 1) return record;
    }
    return -1;
  }

  /** Sum of a number over the records of the key, whoever they belong to. */
  sum(field: number): number {
    let sum = 0;
    for (let record = this.#first(); record >= 0; record = this.#next(record)) {
      if (this.#matches(record)) sum += this.number(record, field);
    }
    return sum;
  }

  /** A new record for the key, all zeros and the newest; -1 where the table is full. */
  add(owner: number): number {
    const record = this.#take();
    if (record < 0) return -1;
    const at = this.#at(record);
    this.#words.set(this.#hash, at + Word.hash);
    this.#numbers.fill(0, at / 2 + fields, at / 2 + 2 * fields);
    this.#link(record);
    this.#set(record, Word.owner, owner + 1);
    this.#words[Header.size] = this.size + 1;
    return record;
  }

  remove(record: number): void {
    this.#set(record, Word.owner, 0);
    this.#unlink(record);
    this.#set(record, Word.next, this.#words[Header.free] ?? 0);
    this.#words[Header.free] = record + 1;
    this.#words[Header.size] = this.size - 1;
  }

  /** Makes a record the newest. */
  touch(record: number): void {
    if (this.#words[Header.newest] === record + 1) return;
    this.#leaveList(record);
    this.#enterList(record);
  }

  /** The record that was added or touched before all others; -1 in an empty table. */
  oldest(): number {
    return (this.#words[Header.oldest] ?? 0) - 1;
  }

  /** Does the record belong to `owner`? Also false where it is not in use. */
  isOf(record: number, owner: number): boolean {
    return this.#get(record, Word.owner) === owner + 1;
  }

  number(record: number, field: number): number {
    return this.#numbers[this.#at(record) / 2 + fields + field] ?? 0;
  }

  setNumber(record: number, field: number, value: number): void {
    this.#numbers[this.#at(record) / 2 + fields + field] = value;
  }

  // ---- after the end of a thread

  /** A thread has ended: frees the lock where it held it, and removes what belonged to it. */
  forget(thread: number): void {
    if (this.#lock.breakFrom(thread + 1)) {
      this.#mend();
      this.unlock();
    }
    for (let from = 0; from < this.capacity; from += sweepSlice) {
      this.lock();
      const end = Math.min(from + sweepSlice, this.#words[Header.used] ?? 0);
      for (let record = from; record < end; record += 1) {
        if (this.isOf(record, thread)) this.remove(record);
      }
      this.unlock();
    }
  }

  // All lists anew, from the records that have an owner. Their order of use is lost.
  #mend(): void {
    const words = this.#words;
    words.fill(0, headerWords, this.#records);
    words.fill(0, Header.size, Header.secret);
    let last = this.capacity - 1;
    while (last >= 0 && this.#get(last, Word.owner) === 0) last -= 1;
    words[Header.used] = last + 1;
    for (let record = last; record >= 0; record -= 1) {
      if (this.#get(record, Word.owner) === 0) {
        this.#set(record, Word.next, words[Header.free] ?? 0);
        words[Header.free] = record + 1;
      } else {
        this.#link(record);
        words[Header.size] = this.size + 1;
      }
    }
  }

  // ---- lists

  #take(): number {
    const words = this.#words;
    const free = (words[Header.free] ?? 0) - 1;
    if (free >= 0) {
      words[Header.free] = this.#get(free, Word.next);
      return free;
    }
    const used = words[Header.used] ?? 0;
    if (used >= this.capacity) return -1;
    words[Header.used] = used + 1;
    return used;
  }

  #link(record: number): void {
    const bucket = this.#bucketOf(record);
    this.#set(record, Word.next, this.#words[bucket] ?? 0);
    this.#words[bucket] = record + 1;
    this.#enterList(record);
  }

  #unlink(record: number): void {
    const bucket = this.#bucketOf(record);
    const next = this.#get(record, Word.next);
    let one = (this.#words[bucket] ?? 0) - 1;
    if (one === record) this.#words[bucket] = next;
    while (one >= 0 && one !== record) {
      const following = this.#next(one);
      if (following === record) this.#set(one, Word.next, next);
      one = following;
    }
    this.#leaveList(record);
  }

  #enterList(record: number): void {
    const newest = (this.#words[Header.newest] ?? 0) - 1;
    this.#set(record, Word.newer, 0);
    this.#set(record, Word.older, newest + 1);
    if (newest >= 0) this.#set(newest, Word.newer, record + 1);
    else this.#words[Header.oldest] = record + 1;
    this.#words[Header.newest] = record + 1;
  }

  #leaveList(record: number): void {
    const newer = this.#get(record, Word.newer);
    const older = this.#get(record, Word.older);
    if (newer > 0) this.#set(newer - 1, Word.older, older);
    else this.#words[Header.newest] = older;
    if (older > 0) this.#set(older - 1, Word.newer, newer);
    else this.#words[Header.oldest] = newer;
  }

  // ---- words

  #first(): number {
    return (this.#words[headerWords + ((this.#hash[0] ?? 0) & this.#mask)] ?? 0) - 1;
  }

  #next(record: number): number {
    return this.#get(record, Word.next) - 1;
  }

  #bucketOf(record: number): number {
    return headerWords + (this.#get(record, Word.hash) & this.#mask);
  }

  #matches(record: number): boolean {
    const words = this.#words;
    const at = this.#at(record) + Word.hash;
    const hash = this.#hash;
    return (
      words[at] === hash[0] &&
      words[at + 1] === hash[1] &&
      words[at + 2] === hash[2] &&
      words[at + 3] === hash[3]
    );
  }

  #at(record: number): number {
    return this.#records + record * recordWords;
  }

  #get(record: number, word: number): number {
    return this.#words[this.#at(record) + word] ?? 0;
  }

  #set(record: number, word: number, value: number): void {
    this.#words[this.#at(record) + word] = value;
  }
}
