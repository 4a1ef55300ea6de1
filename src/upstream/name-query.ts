// Questions to name servers, over `node:dns`: addresses and services of a name with the time that they
// are good for. What fails is told apart as nginx tells it.

import { Resolver, type RecordWithTtl, type SrvRecord } from 'node:dns';
import { hasDescriptors } from '../base/shortage.ts';

/** Why a name has no answer: a response code of DNS, or 110 where no server answered. */
export interface NameFailure {
  readonly code: number;
  /** As nginx words it: "3: Host not found". */
  readonly text: string;
  /** The servers did not answer, or not for good: what was known before may still be true. */
  readonly transient: boolean;
}

function failure(code: number, words: string, transient: boolean): NameFailure {
  return { code, text: `${code}: ${words}`, transient };
}

/** The name does not exist, or has nothing of what was asked for. */
export const hostNotFound: NameFailure = failure(3, 'Host not found', false);
/** No answer in time. */
export const timedOut: NameFailure = failure(110, 'Operation timed out', true);
/** The system had no descriptor to ask with: another server could not be asked either. */
const noSocket: NameFailure = failure(24, 'Too many open files; raise worker_rlimit_nofile', true);

const failures: Readonly<Record<string, NameFailure>> = {
  ENOTFOUND: hostNotFound,
  ENODATA: hostNotFound,
  EBADNAME: hostNotFound,
  EFORMERR: failure(1, 'Format error', true),
  ESERVFAIL: failure(2, 'Server failure', true),
  ENOTIMP: failure(4, 'Unimplemented', true),
  EREFUSED: failure(5, 'Operation refused', true),
};

// c-ares takes a socket that it could not have for a server that refused.
function failureOf(error: NodeJS.ErrnoException): NameFailure {
  if (error.code === 'ECONNREFUSED' && !hasDescriptors()) return noSocket;
  return failures[error.code ?? ''] ?? timedOut;
}

function noneOf(found: readonly unknown[]): NameFailure | null {
  return found.length === 0 ? hostNotFound : null;
}

/** Addresses of one family. `ttl` is in seconds. */
export interface FamilyAnswer {
  readonly addresses: readonly string[];
  readonly ttl: number;
  /** Null where there are addresses. */
  readonly failure: NameFailure | null;
}

/** Milliseconds until a server is asked again, or the next one: doubled each time. */
const tryMs = 1500;
const tries = 3;

/** Asks some servers, at each question another one of them first. */
export class NameServers {
  /** Each asks all servers, and begins with a different one. */
  readonly #resolvers: readonly Resolver[];
  #next: number;
  #closed = false;

  /** @param servers - `address`, `address:port` or `[address]:port` */
  constructor(servers: readonly string[]) {
    this.#resolvers = servers.map((_, first) => {
      const resolver = new Resolver({ timeout: tryMs, tries, maxTimeout: 2 * tryMs });
      resolver.setServers([...servers.slice(first), ...servers.slice(0, first)]);
      return resolver;
    });
    this.#next = Math.floor(Math.random() * servers.length);
  }

  /** Addresses of a name. `done` is never called before this returns. */
  addresses(name: string, family: 4 | 6, done: (answer: FamilyAnswer) => void): void {
    this.#ask((resolver, next) => {
      const take = (error: NodeJS.ErrnoException | null, found: readonly RecordWithTtl[]): void => {
        const failed = error === null ? noneOf(found) : failureOf(error);
        if (failed !== null && next(failed)) return;
        const addresses = failed === null ? found.map((one) => one.address) : [];
        const ttl = failed === null ? Math.min(...found.map((one) => one.ttl)) : 0;
        done({ addresses, ttl, failure: failed });
      };
      if (family === 4) resolver.resolve4(name, { ttl: true }, take);
      else resolver.resolve6(name, { ttl: true }, take);
    });
  }

  /** Servers of a service. `done` is never called before this returns. */
  services(
    name: string,
    done: (found: readonly SrvRecord[], failure: NameFailure | null) => void,
  ): void {
    this.#ask((resolver, next) =>
      resolver.resolveSrv(name, (error, found) => {
        const failed = error === null ? noneOf(found) : failureOf(error);
        if (failed !== null && next(failed)) return;
        done(failed === null ? found : [], failed);
      }),
    );
  }

  // A server that does not answer is passed over by Node; one that says that it failed is not.
  #ask(question: (resolver: Resolver, next: (failure: NameFailure) => boolean) => void): void {
    let left = this.#resolvers.length;
    const next = (failed: NameFailure | null): boolean => {
      if (failed !== null && (!failed.transient || failed === timedOut || failed === noSocket)) {
        return false;
      }
      if (this.#closed || left === 0) return false;
      left -= 1;
      question(this.#choose(), next);
      return true;
    };
    next(null);
  }

  /** Ends all questions under way. */
  close(): void {
    this.#closed = true;
    for (const resolver of this.#resolvers) resolver.cancel();
  }

  #choose(): Resolver {
    this.#next = (this.#next + 1) % this.#resolvers.length;
    const resolver = this.#resolvers[this.#next];
    if (resolver === undefined) throw new Error('a resolver has at least one server');
    return resolver;
  }
}
