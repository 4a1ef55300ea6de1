// Where the URL of `proxy_pass` leads: known when the configuration is read, or, where it has
// variables, worked out for each request, perhaps with the help of a resolver.

import { hostPortProblem, parseHostPort, shownHostPort, type Address } from '../base/address.ts';
import { ipFamily } from '../base/ip-family.ts';
import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { LiveGroups } from '../forward/live-groups.ts';
import { PendingDestination } from '../forward/pending-destination.ts';
import type { Destination, LiveGroup, Router } from '../forward/proxy-settings.ts';
import { logError } from '../server/request-log.ts';
import { policyInForce } from '../tls/upstream-policy.ts';
import { createImplicitGroup } from '../upstream/group.ts';
import { Peer } from '../upstream/peer.ts';
import type { NameResolver, Resolution } from '../upstream/resolver.ts';
import type { BuildContext } from './build-context.ts';
import { configuredPrefix } from './configured-values.ts';
import { ownOrAround } from './implicit-location.ts';
import { proxyPass } from './proxy-rows.ts';
import { hasNamelessServer, needsHostName } from './proxy-ssl-name.ts';
import type { HopTls } from './proxy-ssl.ts';
import { parseProxyUrl, proxyHostOf, proxyPortOf, schemePort, type ProxyUrl } from './proxy-url.ts';
import { resolverOf, resolverTimeout } from './resolver.ts';
import { groupFor } from './upstream.ts';

function destinationOf(url: ProxyUrl, live: LiveGroup, uri: string | null): Destination {
  return {
    live,
    secure: url.secure,
    proxyHost: proxyHostOf(url),
    proxyPort: proxyPortOf(url),
    uri,
    origin: `${url.secure ? 'https' : 'http'}://${url.authority}`,
  };
}

/** The way of a URL without variables; null after a reported error. */
export function staticRouter(
  url: ProxyUrl | null,
  at: Position,
  scope: Scope,
  context: BuildContext,
): Router | null {
  if (url === null) return null;
  const live = groupFor(url.authority, schemePort(url.secure), at, context);
  if (live === null) return null;
  if (url.secure && hasNamelessServer(scope, live)) {
    context.error(
      at,
      'the name to verify is unknown for a unix socket',
      'say with proxy_ssl_name, or with ssl_name= of the server, which name its certificate is for',
    );
    return null;
  }
  const destination = destinationOf(url, live, null);
  return () => destination;
}

/**
 * The way of a URL with variables: a group or a host of the configuration, an address, or a host that
 * is looked up.
 */
export function dynamicRouter(
  scope: Scope,
  tls: HopTls | null,
  context: BuildContext,
): Router | null {
  const argument = ownOrAround(scope, proxyPass);
  if (argument === null) return null;
  const router = new DynamicRouter({
    template: context.template(argument),
    configured: configuredPrefix(argument, context),
    tls,
    nameGiven: !needsHostName(scope),
    groups: context.groups,
    liveGroups: context.liveGroups,
    resolver: resolverOf(scope, context),
    timeoutMs: scope.get(resolverTimeout),
  });
  return (x) => router.route(x);
}

export interface DynamicRouterOptions {
  readonly template: Template;
  /** The part of it that only the configuration has a say in. */
  readonly configured: Template;
  readonly tls: HopTls | null;
  /** The name to verify does not follow the URL. */
  readonly nameGiven: boolean;
  readonly groups: ReadonlyMap<string, LiveGroup>;
  readonly liveGroups: LiveGroups;
  readonly resolver: NameResolver | null;
  readonly timeoutMs: number;
}

/** Where the texts that a template gives lead. */
export class DynamicRouter {
  readonly #options: DynamicRouterOptions;
  /** What the resolver said last of the host of a group. */
  readonly #resolved = new WeakMap<LiveGroup, Resolution>();

  constructor(options: DynamicRouterOptions) {
    this.#options = options;
  }

  route(x: Exchange): Destination | PendingDestination | number {
    return this.routeText(x, this.#options.template.evaluate(x));
  }

  /** @param text - the URL */
  routeText(x: Exchange, text: string): Destination | PendingDestination | number {
    const { tls, groups, liveGroups } = this.#options;
    const url = parseProxyUrl(text);
    if (url === null || (url.secure && tls === null)) {
      logError(x, 'error', `invalid URL prefix in "${text}"`);
      return 500;
    }
    const known =
      groups.get(url.authority.toLowerCase()) ??
      groups.get(`${url.authority.toLowerCase()} ${schemePort(url.secure)}`);
    if (known !== undefined) return destinationOf(url, known, uriOf(url));
    const live = addressGroup(url, liveGroups);
    if (live === null && !isResolvable(x, url, this.#options.resolver)) {
      return parseHostPort(url.authority) === null ? 500 : 502;
    }
    if (url.secure && !this.#hasName(x, url)) {
      refuseName(x, url);
      return 502;
    }
    return live === null ? this.#resolve(x, url) : destinationOf(url, live, uriOf(url));
  }

  // Where the name to verify is the host of the URL, the configuration must have written that host.
  #hasName(x: Exchange, url: ProxyUrl): boolean {
    const { tls, nameGiven, configured } = this.#options;
    if (nameGiven || tls === null) return true;
    if (policyInForce(tls.policy).settings.verify !== 'on') return true;
    const prefix = /^https:\/\/(\[[^\]]*\]|[^/?:]*)/i.exec(configured.evaluate(x))?.[1] ?? '';
    const host = parseHostPort(url.authority)?.host ?? '';
    return host !== '' && prefix.replace(/^\[(.*)\]$/, '$1').toLowerCase() === host.toLowerCase();
  }

  #resolve(x: Exchange, url: ProxyUrl): Destination | PendingDestination | number {
    const { resolver, timeoutMs } = this.#options;
    const host = parseHostPort(url.authority)?.host ?? '';
    if (resolver === null) return 502;
    const found = resolver.find(host);
    if (found !== null) return this.#arrive(x, url, found);
    return new PendingDestination((done) =>
      resolver.ask(host, timeoutMs, (resolution) => done(this.#arrive(x, url, resolution))),
    );
  }

  #arrive(x: Exchange, url: ProxyUrl, resolution: Resolution): Destination | number {
    const { host, port } = parseHostPort(url.authority) ?? { host: '', port: null };
    if (resolution.failure !== null) {
      const why = resolution.failure.text;
      logError(x, 'error', `${host} could not be resolved (${why})`);
      return 502;
    }
    const live = this.#groupOf(url);
    if (this.#resolved.get(live) !== resolution) {
      this.#resolved.set(live, resolution);
      place(live, { addresses: resolution.addresses, host, port: port ?? schemePort(url.secure) });
    }
    return destinationOf(url, live, uriOf(url));
  }

  // Resolvers may have different answers for one name.
  #groupOf(url: ProxyUrl): LiveGroup {
    const { liveGroups, resolver } = this.#options;
    const from = JSON.stringify(resolver?.settings ?? null);
    const key = `${url.authority.toLowerCase()} ${schemePort(url.secure)} ${from}`;
    const known = liveGroups.ofAddress(key);
    if (known !== null) return known;
    const hostName = parseHostPort(url.authority)?.host ?? '';
    const options = { name: url.authority, hostName, addresses: [], changing: true };
    return liveGroups.addAddress(key, createImplicitGroup(options));
  }
}

function uriOf({ uri }: ProxyUrl): string | null {
  return uri === '' ? null : uri;
}

// Servers that are still there go on as they are.
function place(
  { group }: LiveGroup,
  found: { readonly addresses: readonly string[]; readonly host: string; readonly port: number },
): void {
  const { addresses, host: hostName, port } = found;
  const known = new Map(group.peers.map((peer) => [peer.name, peer]));
  const peers = addresses.map((host) => {
    const peer = new Peer({ address: { kind: 'ip', host, port }, hostName });
    return known.get(peer.name) ?? peer;
  });
  group.membership?.set(peers);
}

function isResolvable(x: Exchange, url: ProxyUrl, resolver: NameResolver | null): boolean {
  if (parseHostPort(url.authority) === null) {
    logError(
      x,
      'error',
      `${hostPortProblem(url.authority)} in upstream "${shownHostPort(url.authority)}"`,
    );
    return false;
  }
  if (resolver !== null) return true;
  logError(x, 'error', `no resolver defined to resolve ${url.authority}`);
  return false;
}

function refuseName(x: Exchange, { authority }: ProxyUrl): void {
  logError(
    x,
    'error',
    `the name to verify would follow a variable: "${authority}" is neither a group nor a host of ` +
      'this configuration (name it in an upstream block, or set proxy_ssl_name)',
  );
}

function addressGroup(url: ProxyUrl, liveGroups: LiveGroups): LiveGroup | null {
  const key = `${url.authority} ${schemePort(url.secure)}`;
  const found = liveGroups.ofAddress(key);
  if (found !== null) return found;
  const address = literalAddress(url);
  if (address === null) return null;
  const hostName = address.kind === 'ip' ? address.host : '';
  const group = createImplicitGroup({ name: url.authority, hostName, addresses: [address] });
  return liveGroups.addAddress(key, group);
}

function literalAddress({ authority, secure }: ProxyUrl): Address | null {
  if (authority.startsWith('unix:') && authority.length > 'unix:'.length) {
    return { kind: 'unix', path: authority.slice('unix:'.length) };
  }
  const parsed = parseHostPort(authority);
  if (parsed === null || ipFamily(parsed.host) === 0) return null;
  return { kind: 'ip', host: parsed.host, port: parsed.port ?? schemePort(secure) };
}
