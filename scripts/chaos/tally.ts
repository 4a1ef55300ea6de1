// Counts what became of all requests, and judges it: right; failed, and explained by something that
// was done at that time; or a failure of the proxy.

import type { Outcome } from './client.ts';
import type { FaultKind, Faults } from './faults.ts';
import { answered, closed, cut, type Route } from './routes.ts';

/** What is known of a request when it is over. */
export interface Settled {
  /** Which kind of client sent it. */
  readonly client: string;
  readonly route: Route;
  readonly id: number;
  readonly from: number;
  readonly connectedAt: number;
  readonly onExtra: boolean;
}

/** How long a dead worker's connections may take to be noticed. */
const noticedMs = 3_000;
const gatewayStatuses = new Set([502, 504]);
const mostFailures = 20;

export class Tally {
  readonly rows: Record<string, Record<string, number>> = {};
  /** What is the proxy's own fault. */
  readonly failures: string[] = [];
  bytes = 0;
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  count(client: string, what: string): void {
    const row = (this.rows[client] ??= {});
    row[what] = (row[what] ?? 0) + 1;
  }

  total(what: string): number {
    return Object.values(this.rows).reduce((sum, row) => sum + (row[what] ?? 0), 0);
  }

  fail(text: string): void {
    if (this.failures.length < mostFailures) {
      this.failures.push(`${new Date().toISOString()} ${text}`);
    }
  }

  settle(request: Settled, outcome: Outcome): void {
    const { client, route, id, from } = request;
    if (outcome.kind === 'right' || outcome.kind === 'behind') {
      this.count(client, outcome.kind);
      if (outcome.kind === 'right') this.#judgeRight(request);
      return;
    }
    const cause = this.#cause(request, outcome);
    const shown = outcome.kind === 'answered' ? String(outcome.status) : outcome.kind;
    if (cause !== null) {
      this.count(client, `${shown} (${cause})`);
      return;
    }
    this.count(client, `${shown} UNEXPLAINED`);
    const why = 'why' in outcome ? outcome.why : '';
    const since = new Date(from).toISOString();
    this.fail(`${client} on ${route}: request ${id} of ${since}: ${shown} ${why}`);
  }

  // Behind a certificate that has expired nothing may be reached any more.
  #judgeRight({ client, route, id, from }: Settled): void {
    if (route !== 'short' || !this.#faults.lasts('expired', Date.now() - from + 1_500)) return;
    this.fail(`${client}: request ${id} was answered behind an expired certificate`);
  }

  #cause({ route, from, connectedAt, onExtra }: Settled, outcome: Outcome): FaultKind | null {
    const now = Date.now();
    if (outcome.kind === 'answered') {
      if (!gatewayStatuses.has(outcome.status)) return null;
      return this.#faults.during(answered[route], from, now);
    }
    if (outcome.kind === 'cut') return this.#faults.during(cut[route], from, now);
    if (outcome.kind !== 'closed') return null;
    const kinds = closed.filter((kind) => kind !== 'listener' || onExtra);
    return this.#faults.during(kinds, Math.max(connectedAt, now - noticedMs), now);
  }
}
