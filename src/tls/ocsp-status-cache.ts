// What OCSP responders said of clients' certificates, until they said it holds (`ssl_ocsp_cache`).

/** What is worth keeping. */
export type OcspStatus = 'good' | 'revoked';

interface Entry {
  readonly status: OcspStatus;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** A rough count of the bytes that an entry takes, its key included. */
const entryBytes = 256;

/** Bounded; what was looked at last stays longest. */
export class OcspStatusCache {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();

  /** @param bytes - what it may take, roughly */
  constructor(bytes: number) {
    this.#limit = Math.max(1, Math.floor(bytes / entryBytes));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined where nothing is known, or not any more. */
  get(key: string): OcspStatus | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.until < Date.now()) return undefined;
    this.#entries.set(key, entry);
    return entry.status;
  }

  /** @param until - when it stops to hold, in milliseconds since the epoch */
  set(key: string, status: OcspStatus, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { status, until });
    if (this.#entries.size <= this.#limit) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
