// The numbers of the peers of a group in memory that all workers share (`zone`): what one of them
// sees of a server, failures and requests under way above all, all of them know. Whatever reads or
// changes them does so under the zone's lock.
//
//   header: lock, slots in use | ids of slots | cells of slots | ledger: a row for each worker
//
// The ledger has how many of a peer's connections are whose: when a worker has died, its own are
// given back.

import { createHash } from 'node:crypto';
import { SharedLock } from '../base/shared-lock.ts';
import { mostWorkers } from '../base/worker-counters.ts';
import { Cell, cellsPerPeer, type Peer } from './peer.ts';

/** Words of the header. */
const Header = { lock: 0, used: 2 } as const;
const headerWords = 32;
/** Words of the id of a slot: enough of a hash that two peers never meet. */
const idWords = 4;
/** What a peer takes of the size that is configured; the ledger comes on top. */
const bytesPerPeer = 256;
/** The ledger has a word for each slot and worker. */
const mostSlots = 4096;

/** How many peers a zone of so many bytes has room for. */
export function zoneCapacity(bytes: number): number {
  return Math.min(mostSlots, Math.floor(bytes / bytesPerPeer));
}

/** Of a slot that nobody has any more. */
const noId = new Int32Array(idWords);

function idOf(identity: string): Int32Array {
  return new Int32Array(createHash('sha256').update(identity).digest().buffer.slice(0, 16));
}

/** The memory of a zone, as one worker sees it. */
export class PeerZone {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #cells: Float64Array;
  readonly #ledger: Int32Array;
  readonly #lock: SharedLock;
  readonly #thread: number;

  /** Memory for the peers of an empty zone. Takes none of the machine before it is used. */
  static create(bytes: number): SharedArrayBuffer {
    const capacity = zoneCapacity(bytes);
    const words = headerWords + capacity * (idWords + mostWorkers);
    return new SharedArrayBuffer(words * 4 + capacity * cellsPerPeer * 8);
  }

  /**
   * @param buffer - made by `create`
   * @param bytes - as it was made with
   * @param thread - number of this worker, unlike those of all that share the zone; from 0
   */
  constructor(buffer: SharedArrayBuffer, bytes: number, thread: number) {
    const capacity = zoneCapacity(bytes);
    this.capacity = capacity;
    this.#thread = thread;
    this.#words = new Int32Array(buffer, 0, headerWords + capacity * idWords);
    const cellsAt = this.#words.byteLength;
    this.#cells = new Float64Array(buffer, cellsAt, capacity * cellsPerPeer);
    this.#ledger = new Int32Array(buffer, cellsAt + this.#cells.byteLength);
    this.#lock = new SharedLock(this.#words, Header.lock, thread + 1);
  }

  /** To be followed by `unlock` in the same turn, whatever happens between. */
  lock(): void {
    // A worker that died with the lock has left at most one number behind that is a little off.
    this.#lock.acquire();
  }

  unlock(): void {
    this.#lock.release();
  }

  /**
   * Moves the numbers of a peer here: to the slot that another worker has given it, else to a new
   * one.
   *
   * @param identity - the same in all workers, and unlike that of all other peers of the zone
   * @returns false where the zone is full: the peer goes on with numbers of its own
   */
  adopt(peer: Peer, identity: string): boolean {
    const id = idOf(identity);
    this.lock();
    try {
      const known = this.#find(id);
      const slot = known < 0 ? this.#add(id) : known;
      if (slot < 0) return false;
      peer.moveTo({
        cells: this.#cells,
        at: slot * cellsPerPeer,
        ledger: this.#ledger,
        ledgerAt: this.#thread * this.capacity + slot,
      });
      if (known < 0) peer.effectiveWeight = peer.weight;
      peer.write(Cell.holders, peer.read(Cell.holders) + 1);
      return true;
    } finally {
      this.unlock();
    }
  }

  /**
   * A peer has left its group in this worker: takes its numbers out of here, for what is left of it.
   * Once no worker has it any more, its slot is free.
   *
   * @param identity - under which it was adopted
   */
  abandon(peer: Peer, identity: string): void {
    const id = idOf(identity);
    this.lock();
    try {
      const slot = this.#find(id);
      if (slot < 0) return;
      const at = slot * cellsPerPeer;
      const cells = this.#cells.slice(at, at + cellsPerPeer);
      const ledgerAt = this.#thread * this.capacity + slot;
      this.#subtract(slot, Cell.connections, this.#ledger[ledgerAt] ?? 0);
      this.#subtract(slot, Cell.holders, 1);
      this.#ledger[ledgerAt] = 0;
      peer.moveTo({ cells, at: 0, ledger: null, ledgerAt: 0 });
      if (this.#cells[at + Cell.holders] === 0) this.#words.set(noId, headerWords + slot * idWords);
    } finally {
      this.unlock();
    }
  }

  #find(id: Int32Array): number {
    const used = this.#words[Header.used] ?? 0;
    for (let slot = 0; slot < used; slot += 1) {
      const at = headerWords + slot * idWords;
      if (id.every((word, i) => this.#words[at + i] === word)) return slot;
    }
    return -1;
  }

  #add(id: Int32Array): number {
    const slot = this.#words[Header.used] ?? 0;
    if (slot >= this.capacity) return this.#reuse(id);
    this.#words.set(id, headerWords + slot * idWords);
    this.#words[Header.used] = slot + 1;
    return slot;
  }

  #reuse(id: Int32Array): number {
    const slot = this.#find(noId);
    if (slot < 0) return -1;
    this.#words.set(id, headerWords + slot * idWords);
    this.#cells.fill(0, slot * cellsPerPeer, (slot + 1) * cellsPerPeer);
    return slot;
  }

  /** A worker has died: frees the lock where it held it, and gives its connections back. */
  forget(thread: number): void {
    if (this.#lock.breakFrom(thread + 1)) this.unlock();
    this.lock();
    const used = this.#words[Header.used] ?? 0;
    for (let slot = 0; slot < used; slot += 1) {
      const at = thread * this.capacity + slot;
      const own = this.#ledger[at] ?? 0;
      if (own === 0) continue;
      this.#ledger[at] = 0;
      this.#subtract(slot, Cell.connections, own);
      // Which of the waiting requests were its own is not known: they are counted anew.
      this.#subtract(slot, Cell.inflight, Infinity);
    }
    this.unlock();
  }

  #subtract(slot: number, cell: number, count: number): void {
    const at = slot * cellsPerPeer + cell;
    this.#cells[at] = Math.max(0, (this.#cells[at] ?? 0) - count);
  }
}
