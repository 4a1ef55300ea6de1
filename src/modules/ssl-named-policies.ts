// Servers whose certificate depends on the client: `ssl_certificate $ssl_server_name.crt`. Each
// certificate that comes up gets a policy of its own, made when it is first asked for; of those that
// were asked for longest ago, too many are let go.

import { SallyportError } from '../base/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { contentHash } from '../tls/content-hash.ts';
import type { KeyPair } from '../tls/pem.ts';
import type { ServerTls, ServerTlsPolicy, Visitor } from '../tls/server-policy.ts';
import { handshakeExchange } from './handshake-exchange.ts';

/** A certificate with its key: always the same, or as the client's connection has it. */
export type PairSource = KeyPair | ((x: Exchange) => KeyPair);

/** Policies take some 100 KB each. */
const mostPolicies = 512;

// What a client writes there may become a path.
const hostName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

export class NamedPolicies implements ServerTls {
  readonly clientVerificationKey: string;
  readonly #sources: readonly PairSource[];
  readonly #make: (pairs: readonly KeyPair[]) => ServerTlsPolicy;
  readonly #policies = new Map<string, ServerTlsPolicy>();
  readonly #hashes = new WeakMap<KeyPair, string>();

  /** @param clientVerificationKey - as all of its policies will have it */
  constructor(
    sources: readonly PairSource[],
    make: (pairs: readonly KeyPair[]) => ServerTlsPolicy,
    clientVerificationKey: string,
  ) {
    this.#sources = sources;
    this.#make = make;
    this.clientVerificationKey = clientVerificationKey;
  }

  policyFor(visitor: Visitor): ServerTlsPolicy {
    const { serverName } = visitor;
    if (serverName !== '' && !hostName.test(serverName)) {
      const name = JSON.stringify(serverName);
      throw new SallyportError('CLIENT_TLS_FAILED', `the server name ${name} is no host name`);
    }
    const pairs = this.#pairsFor(handshakeExchange(visitor));
    const key = pairs.map((pair) => this.#hashOf(pair)).join(' ');
    const policy = this.#policies.get(key) ?? this.#make(pairs);
    // Those asked for last come last.
    this.#policies.delete(key);
    this.#policies.set(key, policy);
    if (this.#policies.size > mostPolicies) this.#dropOldest();
    return policy;
  }

  #pairsFor(x: Exchange): readonly KeyPair[] {
    try {
      return this.#sources.map((one) => (typeof one === 'function' ? one(x) : one));
    } catch (thrown) {
      if (thrown instanceof SallyportError) throw thrown;
      // A variable behind a `map` that needs a request.
      const why = `its variables cannot be worked out in a handshake: ${String(thrown)}`;
      throw new SallyportError('CERTIFICATE_INVALID', `"ssl_certificate": ${why}`, thrown);
    }
  }

  dispose(): void {
    for (const policy of this.#policies.values()) policy.dispose();
    this.#policies.clear();
  }

  #hashOf(pair: KeyPair): string {
    const hash = this.#hashes.get(pair) ?? contentHash([pair.certificate.pem, pair.key.pem]);
    this.#hashes.set(pair, hash);
    return hash;
  }

  #dropOldest(): void {
    for (const [key, policy] of this.#policies) {
      this.#policies.delete(key);
      policy.dispose();
      return;
    }
  }
}
