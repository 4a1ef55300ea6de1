// Gives each request the identity of its upstream connection: which policy, which name, which client
// certificate. What does not depend on the request is made once for each server and then only looked
// up.

import { isIP } from 'node:net';
import { formatAddress } from '../base/address.ts';
import { now } from '../base/clock.ts';
import { SallyportError } from '../base/errors.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { Connector, Destination } from '../forward/proxy-settings.ts';
import { logError } from '../server/request-log.ts';
import { tlsTargetKey } from '../tls/upstream-connect.ts';
import {
  policyInForce,
  policyWithCertificate,
  type UpstreamTlsPolicy,
} from '../tls/upstream-policy.ts';
import type { ConnectTarget } from '../upstream/connect-target.ts';
import type { Peer } from '../upstream/peer.ts';
import type { BuildContext } from './build-context.ts';
import { clientControlled } from './client-controlled.ts';
import { ownOrAround } from './implicit-location.ts';
import { proxyPass } from './proxy-rows.ts';
import type { LoadedCertificate } from './proxy-ssl-certificate.ts';
import { proxySslName, proxySslSan, proxySslServerName, proxySslVerify } from './proxy-ssl-rows.ts';
import type { HopTls } from './proxy-ssl.ts';

/** Servers may come from variables without a bound. */
const mostTargets = 4096;

/** Makes the function that gives each request the identity of its upstream connection. */
export function compileConnector(
  scope: Scope,
  tls: HopTls | null,
  context: BuildContext,
): Connector {
  const given = scope.get(proxySslName);
  const name = given === null ? null : context.template(given);
  if (tls !== null) warnOfChoice(scope, given, context);
  const connector = new HopConnector(tls, name, scope.get(proxySslServerName));
  return (x, peer, destination) => connector.target(x, peer, destination);
}

// The name to verify is that of proxy_ssl_name or, without it, the host of the URL.
function warnOfChoice(scope: Scope, name: Argument | null, context: BuildContext): void {
  if (scope.get(proxySslSan).length > 0 || scope.get(proxySslVerify).mode === 'off') return;
  const source = name ?? hostOfUrl(ownOrAround(scope, proxyPass));
  const chosen = source === null ? [] : clientControlled(source);
  if (source === null || chosen.length === 0) return;
  const what =
    name === null ? 'the server and the name that is verified' : 'the name that is verified';
  context.reportOnce(
    'warning',
    source.at,
    `the client chooses ${chosen.join(' and ')}, and so ${what}: ` +
      'map it from a list of what is allowed',
  );
}

// Up to where a path begins, be it in a variable.
function hostOfUrl(url: Argument | null): Argument | null {
  if (url === null) return null;
  const [host = ''] = url.text.replace(/^[^/]*:\/\//, '').split(pathStart, 1);
  return { ...url, text: host };
}

const pathStart = /[/?]|\$\{?(?:request_|document_)?uri\b/i;

/** What a certificate that variables name has been combined with. */
interface Combined {
  readonly policies: Map<UpstreamTlsPolicy, UpstreamTlsPolicy>;
  readonly targets: Map<Peer, ConnectTarget>;
}

class HopConnector {
  readonly #tls: HopTls | null;
  readonly #name: Template | null;
  readonly #sendName: boolean;
  /** When the weaker mode of `proxy_ssl_verify` ends; Infinity where nothing ends. */
  #weakUntil: number;
  /** Targets that are the same for all requests. */
  readonly #fixed = new Map<Peer, ConnectTarget>();
  #combined = new WeakMap<LoadedCertificate, Combined>();

  constructor(tls: HopTls | null, name: Template | null, sendName: boolean) {
    this.#tls = tls;
    this.#name = name;
    this.#sendName = sendName;
    this.#weakUntil = tls?.policy.settings.weakUntil ?? Infinity;
  }

  /** Null: the client certificate for this request cannot be used; the reason is logged. */
  target(x: Exchange, peer: Peer, destination: Destination): ConnectTarget | null {
    if (this.#weakUntil !== Infinity && now() >= this.#weakUntil) this.#enforce();
    const known = this.#fixed.get(peer);
    if (known !== undefined && (known.tls !== null) === destination.secure) return known;
    if (!destination.secure) return keep(this.#fixed, peer, plainTarget(peer));
    const tls = this.#tls;
    if (tls === null) {
      throw new SallyportError('INTERNAL', 'a TLS hop without a policy must never be connected');
    }
    const policy = policyFor(peer, tls);
    if (tls.certificates === null || (peer.tls?.certificate ?? null) !== null) {
      const target = this.#tlsTarget(x, peer, policy);
      return this.#isFixed(peer) ? keep(this.#fixed, peer, target) : target;
    }
    return this.#withCertificate(x, peer, policy);
  }

  // From now on every hop is verified: what was made before is made anew, under stricter policies.
  #enforce(): void {
    this.#weakUntil = Infinity;
    this.#fixed.clear();
    this.#combined = new WeakMap();
  }

  #isFixed(peer: Peer): boolean {
    const own = peer.tls?.name ?? null;
    return own !== null || this.#name === null || this.#name.constant !== null;
  }

  #tlsTarget(x: Exchange, peer: Peer, policy: UpstreamTlsPolicy): ConnectTarget {
    const { address } = peer;
    const verifyName = this.#nameFor(x, peer);
    const serverName = nameToSend(verifyName, this.#sendName);
    const tls = { policy: policyInForce(policy), address, verifyName, serverName };
    return { key: tlsTargetKey(tls), address, tls, peer };
  }

  #nameFor(x: Exchange, peer: Peer): string {
    const asked = this.#name === null || (peer.tls?.name ?? null) !== null;
    return nameToVerify(peer, asked ? '' : this.#name.evaluate(x));
  }

  #withCertificate(x: Exchange, peer: Peer, policy: UpstreamTlsPolicy): ConnectTarget | null {
    try {
      const loaded = this.#tls?.certificates?.of(x, complain) ?? null;
      if (loaded === null) return this.#tlsTarget(x, peer, policy);
      const combined = this.#combinedOf(loaded);
      const known = combined.targets.get(peer);
      if (known !== undefined) return known;
      const target = this.#tlsTarget(x, peer, combine(combined, policy, loaded));
      return this.#isFixed(peer) ? keep(combined.targets, peer, target) : target;
    } catch (thrown) {
      if (!(thrown instanceof SallyportError)) throw thrown;
      logError(x, 'error', `${thrown.code}: ${thrown.message} (proxy_ssl_certificate)`);
      return null;
    }
  }

  #combinedOf(loaded: LoadedCertificate): Combined {
    let found = this.#combined.get(loaded);
    if (found === undefined) {
      found = { policies: new Map(), targets: new Map() };
      this.#combined.set(loaded, found);
    }
    return found;
  }
}

/**
 * The name that the certificate of a server must be for.
 *
 * @param chosen - what the hop says; empty where it says nothing
 */
export function nameToVerify(peer: Peer, chosen: string): string {
  const own = peer.tls?.name ?? null;
  if (own !== null) return own;
  return chosen === '' ? peer.hostName : chosen.replace(/^\[|\]$/g, '');
}

/** The server name of the handshake; null: none. */
export function nameToSend(verifyName: string, sendName: boolean): string | null {
  return sendName && isIP(verifyName) === 0 ? verifyName : null;
}

/** The policy that counts for a server of a hop. */
export function policyFor(peer: Peer, tls: HopTls): UpstreamTlsPolicy {
  if (peer.tls === null) return tls.policy;
  const own = tls.ofServer.get(peer.tls);
  if (own !== undefined) return own;
  throw new SallyportError('INTERNAL', `no policy was made for the parameters of ${peer.name}`);
}

function combine(
  { policies }: Combined,
  policy: UpstreamTlsPolicy,
  loaded: LoadedCertificate,
): UpstreamTlsPolicy {
  let made = policies.get(policy);
  if (made === undefined) {
    made = policyWithCertificate(policy, loaded.pair);
    policies.set(policy, made);
  }
  return made;
}

function keep(targets: Map<Peer, ConnectTarget>, peer: Peer, target: ConnectTarget): ConnectTarget {
  if (targets.size >= mostTargets) targets.clear();
  targets.set(peer, target);
  return target;
}

function plainTarget(peer: Peer): ConnectTarget {
  const { address } = peer;
  return { key: `plain\0${formatAddress(address)}`, address, tls: null, peer };
}

function complain(x: Exchange, message: string): void {
  logError(x, 'error', `CERTIFICATE_INVALID: ${message} (proxy_ssl_certificate)`);
}
