// `proxy_pass`: puts the settings of a location together and becomes its content handler.

import type { Scope } from '../config/scope.ts';
import { toByteString } from '../exchange/template.ts';
import { variable } from '../exchange/variable.ts';
import type { HeaderEdit, LiveGroup, ProxySettings } from '../forward/proxy-settings.ts';
import { passOn } from '../forward/proxy-exchange.ts';
import { compileHiddenFields } from '../forward/response-fields.ts';
import { compileUpstreamHead } from '../forward/upstream-head.ts';
import { RefusalBook } from '../upstream/refusals.ts';
import type { BuildContext } from './build-context.ts';
import { prepareHealthChecks } from './health-check.ts';
import { describeHop } from './hop-summary.ts';
import { locationScope, ownOrAround } from './implicit-location.ts';
import type { LocationBuild, Module } from './module.ts';
import { earlyHints, compileEarlyHints } from './early-hints.ts';
import { accelSettings, proxyIgnoreHeaders } from './proxy-accel.ts';
import { compileSocket, proxyBind, proxySocketKeepalive } from './proxy-bind.ts';
import {
  compileCookies,
  proxyCookieDomain,
  proxyCookieFlags,
  proxyCookiePath,
} from './proxy-cookies.ts';
import { compileLimitRate, proxyLimitRate } from './proxy-limit-rate.ts';
import { compileRanges, proxyForceRanges } from './proxy-ranges.ts';
import * as requestRows from './proxy-request-rows.ts';
import * as rows from './proxy-rows.ts';
import { compileStore, proxyStore, proxyStoreAccess } from './proxy-store.ts';
import { bodyStorage, checkBufferSizes, overflowSettings, proxyTempRows } from './proxy-temp.ts';
import { compileTrailers, proxyPassTrailers } from './proxy-trailers.ts';
import { compileConnector } from './proxy-ssl-connector.ts';
import { proxySslRows } from './proxy-ssl-rows.ts';
import { compileHopTls } from './proxy-ssl.ts';
import { parseProxyUrl, replacedUri, unchangedUri, type ProxyUrl } from './proxy-url.ts';
import { compileRedirects } from './proxy-redirect.ts';
import { dynamicRouter, staticRouter } from './proxy-router.ts';
import { hostToResolve } from './upstream.ts';

function locationKind(scope: Scope): { regex: boolean; named: boolean } {
  const around = locationScope(scope);
  const text = around.node?.args[0]?.text ?? '';
  const ownInside = around !== scope && scope.own(rows.proxyPass) !== null;
  return { regex: text.startsWith('~'), named: ownInside || text.startsWith('@') };
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  checkBufferSizes(scope, context);
  const argument = ownOrAround(scope, rows.proxyPass);
  if (argument === null) return;
  const { text, at } = argument;
  const dynamic = text.includes('$');
  const url = parseProxyUrl(text);
  if (url === null && !dynamic) {
    context.error(at, 'invalid URL prefix', 'write http:// or https:// before it');
    return;
  }
  const secure = /^https:/i.test(text) || (dynamic && !/^http:/i.test(text));
  const tls = secure ? compileHopTls(scope, groupsMet(url, context), context) : null;
  if (secure && tls === null) return;
  const kind = locationKind(scope);
  const outgoingUri = outgoing(url, dynamic, kind, build, context, scope);
  const router = dynamic
    ? dynamicRouter(scope, tls, context)
    : staticRouter(url, at, scope, context);
  if (router === null || outgoingUri === null) return;
  const base = {
    url: dynamic ? null : url,
    locationName: build.name,
    hasPrefix: !kind.regex && !kind.named,
  };
  const settings: ProxySettings = {
    router,
    connector: compileConnector(scope, tls, context),
    head: compileUpstreamHead({
      edits: headerEdits(scope, context),
      httpVersion: scope.get(rows.proxyHttpVersion) === '1.0' ? 10 : 11,
      passFields: scope.get(rows.proxyPassRequestHeaders),
    }),
    outgoingUri,
    redirects: compileRedirects(scope, base, context),
    ...plainSettings(scope, context),
  };
  if (scope.own(rows.proxyPass) !== null)
    describeHop({ scope, url: text, at, groups: groupsMet(url, context), tls }, context);
  const { trace } = context;
  build.setContent(
    trace === null ? (x) => passOn(x, settings) : (x) => trace.pass(x, settings, scope),
  );
  prepareHealthChecks({ scope, settings, locationName: build.name }, context);
  if (build.name.endsWith('/') && !kind.regex && !kind.named) build.autoRedirect = true;
}

/** The `upstream` groups that requests may go to: with variables in the URL, any of them. */
function groupsMet(url: ProxyUrl | null, context: BuildContext): Iterable<LiveGroup> {
  if (url === null || url.authority.includes('$')) return context.groups.values();
  const named = context.groups.get(url.authority.toLowerCase());
  return named === undefined ? [] : [named];
}

function plainSettings(scope: Scope, context: BuildContext) {
  const { number, size } = scope.get(rows.proxyBuffers);
  const hidden = compileHiddenFields({
    hide: scope.get(rows.proxyHideHeader),
    pass: scope.get(rows.proxyPassHeader),
    trailers: scope.get(proxyPassTrailers),
    ranges: scope.get(proxyForceRanges),
  });
  return {
    connectTimeout: scope.get(rows.proxyConnectTimeout),
    sendTimeout: scope.get(rows.proxySendTimeout),
    readTimeout: scope.get(rows.proxyReadTimeout),
    buffering: scope.get(rows.proxyBuffering),
    bufferSize: scope.get(rows.proxyBufferSize),
    buffersBytes: number * size,
    requestBuffering: scope.get(rows.proxyRequestBuffering),
    overflow: overflowSettings(scope, context),
    http10: scope.get(rows.proxyHttpVersion) === '1.0',
    bodyStorage: bodyStorage(scope, context),
    replaced: requestRows.requestReplacement(scope, context),
    socket: compileSocket(scope, context),
    cookies: compileCookies(scope, context),
    accel: accelSettings(scope, context),
    limitRate: compileLimitRate(scope, context),
    ranges: compileRanges(scope),
    trailerLines: compileTrailers(scope, hidden),
    store: compileStore(scope, context),
    earlyHints: compileEarlyHints(scope, context),
    retry: scope.get(rows.proxyNextUpstream),
    retryTries: scope.get(rows.proxyNextUpstreamTries),
    retryTimeout: scope.get(rows.proxyNextUpstreamTimeout),
    ignoreClientAbort: scope.get(rows.proxyIgnoreClientAbort),
    interceptErrors: scope.get(rows.proxyInterceptErrors),
    hidden,
    refusals: new RefusalBook(),
    buffers: context.buffers,
    budget: context.liveGroups.budget,
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
    ...proxyTempRows,
    requestRows.proxyMethod,
    requestRows.proxySetBody,
    requestRows.proxyPassRequestBody,
    proxyBind,
    proxySocketKeepalive,
    proxyCookieDomain,
    proxyCookiePath,
    proxyCookieFlags,
    proxyIgnoreHeaders,
    proxyLimitRate,
    proxyForceRanges,
    proxyPassTrailers,
    proxyStore,
    proxyStoreAccess,
    earlyHints,
    rows.proxyNextUpstream,
    rows.proxyNextUpstreamTries,
    rows.proxyNextUpstreamTimeout,
    ...proxySslRows,
  ],
  variables: [
    variable('proxy_host', 'Host of the URL of proxy_pass.', (x) => x.proxyHost || null),
    variable('proxy_port', 'Port of the URL of proxy_pass.', (x) => x.proxyPort || null),
    variable('proxy_add_x_forwarded_for', 'X-Forwarded-For with the client added.', (x) =>
      forwardedFor(x.request.fields.all('x-forwarded-for'), x.remoteAddress),
    ),
  ],
  hosts,
  location,
};
