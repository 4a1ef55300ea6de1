// `proxy_pass`: puts the settings of a location together and becomes its content handler.

import { isIP } from 'node:net';
import { hostPortProblem, parseHostPort, type Address } from '../base/address.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { toByteString } from '../exchange/template.ts';
import { variable } from '../exchange/variable.ts';
import type {
  Destination,
  HeaderEdit,
  LiveGroup,
  ProxySettings,
  Router,
} from '../forward/proxy-settings.ts';
import { passOn } from '../forward/proxy-exchange.ts';
import { compileHiddenFields } from '../forward/response-fields.ts';
import { compileUpstreamHead } from '../forward/upstream-head.ts';
import { logError } from '../server/request-log.ts';
import { createImplicitGroup } from '../upstream/group.ts';
import { ConnectionPool } from '../upstream/pool.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { BuildContext } from './build-context.ts';
import { describeHop } from './hop-summary.ts';
import type { LocationBuild, Module } from './module.ts';
import * as rows from './proxy-rows.ts';
import { compileConnector, proxySslName, proxySslRows, upstreamTlsPolicy } from './proxy-ssl.ts';
import {
  parseProxyUrl,
  proxyHostOf,
  proxyPortOf,
  replacedUri,
  schemePort,
  unchangedUri,
  type ProxyUrl,
} from './proxy-url.ts';
import { compileRedirects } from './proxy-redirect.ts';
import { groupFor, hostToResolve } from './upstream.ts';

function locationKind(scope: Scope): { regex: boolean; named: boolean } {
  const [first] = scope.node?.args ?? [];
  const text = first?.text ?? '';
  return { regex: text.startsWith('~'), named: text.startsWith('@') };
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const argument = scope.own(rows.proxyPass);
  if (argument === null) return;
  const { text, at } = argument;
  const dynamic = text.includes('$');
  const url = parseProxyUrl(text);
  if (url === null && !dynamic) {
    context.error(at, 'invalid URL prefix', 'write http:// or https:// before it');
    return;
  }
  const secure = /^https:/i.test(text) || (dynamic && !/^http:/i.test(text));
  const policy = secure ? upstreamTlsPolicy(scope, context) : null;
  if (secure && policy === null) return;
  const kind = locationKind(scope);
  const outgoingUri = outgoing(url, dynamic, kind, build, context, scope);
  const router = dynamic
    ? dynamicRouter(scope, policy, context)
    : staticRouter(url, at, context, scope);
  if (router === null || outgoingUri === null) return;
  const base = {
    url: dynamic ? null : url,
    locationName: build.name,
    hasPrefix: !kind.regex && !kind.named,
  };
  const settings: ProxySettings = {
    router,
    connector: compileConnector(scope, policy, context),
    head: compileUpstreamHead({
      edits: headerEdits(scope, context),
      httpVersion: scope.get(rows.proxyHttpVersion) === '1.0' ? 10 : 11,
      passFields: scope.get(rows.proxyPassRequestHeaders),
    }),
    outgoingUri,
    redirects: compileRedirects(scope, base, context),
    ...plainSettings(scope, context),
  };
  describeHop({ scope, url: text, at, secure, policy }, context);
  build.setContent((x) => passOn(x, settings));
  if (build.name.endsWith('/') && !kind.regex && !kind.named) build.autoRedirect = true;
}

function plainSettings(scope: Scope, context: BuildContext) {
  const { number, size } = scope.get(rows.proxyBuffers);
  const temp = scope.get(rows.clientBodyTempPath);
  return {
    connectTimeout: scope.get(rows.proxyConnectTimeout),
    sendTimeout: scope.get(rows.proxySendTimeout),
    readTimeout: scope.get(rows.proxyReadTimeout),
    buffering: scope.get(rows.proxyBuffering),
    bufferSize: scope.get(rows.proxyBufferSize),
    buffersBytes: number * size,
    requestBuffering: scope.get(rows.proxyRequestBuffering),
    bodyBufferSize: scope.get(rows.clientBodyBufferSize),
    bodyTempPath: temp === '' ? `${context.prefix}client_body_temp` : temp,
    retry: scope.get(rows.proxyNextUpstream),
    retryTries: scope.get(rows.proxyNextUpstreamTries),
    retryTimeout: scope.get(rows.proxyNextUpstreamTimeout),
    ignoreClientAbort: scope.get(rows.proxyIgnoreClientAbort),
    interceptErrors: scope.get(rows.proxyInterceptErrors),
    hidden: compileHiddenFields(scope.get(rows.proxyHideHeader), scope.get(rows.proxyPassHeader)),
    buffers: context.buffers,
  };
}

/** nginx's own lines stand where the configuration has none of that name. */
function headerEdits(scope: Scope, context: BuildContext): HeaderEdit[] {
  const edits = scope
    .get(rows.proxySetHeader)
    .map(({ name, value }) => ({ name, value: context.template(value) }));
  if (!edits.some((edit) => edit.name.toLowerCase() === 'host')) {
    const at = { file: '', line: 0, column: 0 };
    edits.push({
      name: 'Host',
      value: context.template({ text: '$proxy_host', quoted: false, at }),
    });
  }
  return edits;
}

function outgoing(
  url: ProxyUrl | null,
  dynamic: boolean,
  kind: { regex: boolean; named: boolean },
  build: LocationBuild,
  context: BuildContext,
  scope: Scope,
): ((x: Parameters<typeof unchangedUri>[0]) => string) | null {
  if (dynamic || url === null || url.uri === '') return unchangedUri;
  if (!kind.regex && !kind.named) return replacedUri(toByteString(url.uri), build.name.length);
  context.error(
    scope.at(rows.proxyPass),
    '"proxy_pass" cannot have URI part in location given by regular expression, or inside named ' +
      'location, or inside "if" statement, or inside "limit_except" block',
  );
  return null;
}

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

function staticRouter(
  url: ProxyUrl | null,
  at: Parameters<BuildContext['error']>[0],
  context: BuildContext,
  scope: Scope,
): Router | null {
  if (url === null) return null;
  const live = groupFor(url.authority, schemePort(url.secure), at, context);
  if (live === null) return null;
  if (url.secure && url.authority.startsWith('unix:') && scope.get(proxySslName) === null) {
    context.error(
      at,
      'the name to verify is unknown for a unix socket',
      'say with proxy_ssl_name which name its certificate is for',
    );
    return null;
  }
  const destination = destinationOf(url, live, null);
  return () => destination;
}

/** URLs with variables: the host must be a group, a host of the configuration, or an address. */
function dynamicRouter(
  scope: Scope,
  policy: UpstreamTlsPolicy | null,
  context: BuildContext,
): Router | null {
  const argument = scope.own(rows.proxyPass);
  if (argument === null) return null;
  const template = context.template(argument);
  const nameGiven = scope.get(proxySslName) !== null;
  const addresses = new Map<string, LiveGroup>();
  context.disposers.push(() => {
    for (const live of addresses.values()) live.pool.closeAll();
  });
  return (x) => {
    const text = template.evaluate(x);
    const url = parseProxyUrl(text);
    if (url === null || (url.secure && policy === null)) {
      logError(x, 'error', `invalid URL prefix in "${text}"`);
      return 500;
    }
    const known =
      context.groups.get(url.authority.toLowerCase()) ??
      context.groups.get(`${url.authority.toLowerCase()} ${schemePort(url.secure)}`);
    const live = known ?? addressGroup(url, addresses);
    if (live === null) return unknownHost(x, url);
    // The name to verify would come out of a variable, which the client may have chosen.
    if (known === undefined && url.secure && !nameGiven && policy?.settings.verify === 'on') {
      logError(
        x,
        'error',
        `the name to verify would follow a variable: "${url.authority}" is neither a group nor a ` +
          'host of this configuration (name it in an upstream block, or set proxy_ssl_name)',
      );
      return 502;
    }
    return destinationOf(url, live, url.uri === '' ? null : url.uri);
  };
}

function unknownHost(x: Exchange, url: ProxyUrl): number {
  if (parseHostPort(url.authority) === null) {
    logError(x, 'error', `${hostPortProblem(url.authority)} in upstream "${url.authority}"`);
    return 500;
  }
  logError(x, 'error', `no resolver defined to resolve ${url.authority}`);
  return 502;
}

/** Groups for literal addresses in variables are bounded: a client may choose them. */
const maxAddressGroups = 1024;

function addressGroup(url: ProxyUrl, known: Map<string, LiveGroup>): LiveGroup | null {
  const key = `${url.authority} ${schemePort(url.secure)}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const address = literalAddress(url);
  if (address === null) return null;
  const hostName = address.kind === 'ip' ? address.host : '';
  const group = createImplicitGroup({ name: url.authority, hostName, addresses: [address] });
  const live = { group, pool: new ConnectionPool(group.keepalive) };
  const oldest = known.size >= maxAddressGroups ? known.keys().next().value : undefined;
  if (oldest !== undefined) {
    known.get(oldest)?.pool.closeAll();
    known.delete(oldest);
  }
  known.set(key, live);
  return live;
}

function literalAddress(url: ProxyUrl): Address | null {
  const { authority } = url;
  if (authority.startsWith('unix:') && authority.length > 'unix:'.length) {
    return { kind: 'unix', path: authority.slice('unix:'.length) };
  }
  const parsed = parseHostPort(authority);
  if (parsed === null || isIP(parsed.host) === 0) return null;
  return { kind: 'ip', host: parsed.host, port: parsed.port ?? schemePort(url.secure) };
}

function hosts(scope: Scope): readonly string[] {
  const url = parseProxyUrl(scope.own(rows.proxyPass)?.text ?? '');
  if (url === null || url.authority.includes('$')) return [];
  const host = hostToResolve(url.authority);
  return host === null ? [] : [host];
}

function forwardedFor(fields: readonly string[], address: string): string {
  return fields.length === 0 ? address : `${fields.join(', ')}, ${address}`;
}

export const proxyModule: Module = {
  name: 'proxy',
  directives: [
    rows.proxyPass,
    rows.proxySetHeader,
    rows.proxyHideHeader,
    rows.proxyPassHeader,
    rows.proxyRedirect,
    rows.proxyHttpVersion,
    rows.proxyConnectTimeout,
    rows.proxySendTimeout,
    rows.proxyReadTimeout,
    rows.proxyBuffering,
    rows.proxyRequestBuffering,
    rows.proxyIgnoreClientAbort,
    rows.proxyInterceptErrors,
    rows.proxyPassRequestHeaders,
    rows.proxyBufferSize,
    rows.proxyBuffers,
    rows.clientBodyBufferSize,
    rows.clientBodyTempPath,
    rows.proxyNextUpstream,
    rows.proxyNextUpstreamTries,
    rows.proxyNextUpstreamTimeout,
    ...proxySslRows,
  ],
  variables: [
    variable('proxy_host', 'Host of the URL of proxy_pass.', (x) => x.proxyHost || null),
    variable('proxy_port', 'Port of the URL of proxy_pass.', (x) => x.proxyPort || null),
    variable('proxy_add_x_forwarded_for', 'X-Forwarded-For with the client added.', (x) =>
      forwardedFor(x.request.fields.all('x-forwarded-for'), x.client.remoteAddress),
    ),
  ],
  hosts,
  location,
};
