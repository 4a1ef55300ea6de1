// What was done to the proxy and its surroundings, and when: a request that failed must have met one
// of these, or the failure is the proxy's own.

/** What can be wrong. */
export type FaultKind =
  /** A worker was made to die. */
  | 'worker'
  /** A server of the group was killed, frozen or slow. */
  | 'upstream'
  | 'resolver'
  /** The certificate of an upstream has expired. */
  | 'expired'
  /** The second listener is not part of the configuration. */
  | 'listener'
  /** This machine gave nobody any time. */
  | 'stall';

interface Fault {
  readonly kind: FaultKind;
  readonly what: string;
  readonly from: number;
  to: number;
}

/** For how long after its end a fault may still be felt, in milliseconds. */
const echoes: Readonly<Record<FaultKind, number>> = {
  worker: 1_000,
  // Connections of the pool whose other end is gone, `fail_timeout`, timeouts that are under way.
  upstream: 7_000,
  resolver: 7_000,
  // The server must hear of its new one.
  expired: 5_000,
  listener: 1_000,
  stall: 7_000,
};

/** A fault that lasts. */
export interface OpenFault {
  /** It is over. */
  end(): void;
}

export class Faults {
  readonly #all: Fault[] = [];

  /** @param from - default: now */
  begin(kind: FaultKind, what: string, from: number = Date.now()): OpenFault {
    const fault: Fault = { kind, what, from, to: Infinity };
    this.#all.push(fault);
    return { end: () => (fault.to = Date.now()) };
  }

  /** A stall is noticed when it is over. */
  past(kind: FaultKind, what: string, from: number): void {
    this.#all.push({ kind, what, from, to: Date.now() });
  }

  /** The first of `kinds` that there was at some moment between two times. */
  during(kinds: readonly FaultKind[], from: number, to: number): FaultKind | null {
    for (const kind of kinds) {
      const echo = echoes[kind];
      if (this.#all.some((one) => one.kind === kind && one.from <= to && one.to + echo >= from)) {
        return kind;
      }
    }
    return null;
  }

  /** Is one of this kind under way, and has been for so long? */
  lasts(kind: FaultKind, sinceMs: number): boolean {
    const now = Date.now();
    return this.#all.some(
      (one) => one.kind === kind && one.from <= now - sinceMs && one.to === Infinity,
    );
  }

  /** How many there were of each description. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { kind, what } of this.#all) {
      const name = `${kind}: ${what}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** One line each, for whoever looks for the cause of a failure. */
  lines(): string[] {
    return this.#all.map(({ kind, what, from, to }) => {
      const until = to === Infinity ? '…' : new Date(to).toISOString();
      return `${new Date(from).toISOString()} ${until} ${kind}: ${what}`;
    });
  }
}
