// Where `tunnel_pass` leads: a server or group of the configuration, or, with variables, whatever they
// say, looked up by `resolver` where it is a name.

import { hostPortProblem, parseHostPort } from '../base/address.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { LiveGroup, Router } from '../forward/proxy-settings.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { DynamicRouter } from './proxy-router.ts';
import { resolverOf, resolverTimeout } from './resolver.ts';
import { groupFor, hostToResolve } from './upstream.ts';

/** The port is always given: this one only names groups. */
const anyPort = 80;

/** Null after a reported error. */
export function tunnelRouter(
  address: Argument,
  scope: Scope,
  context: BuildContext,
): Router | null {
  return address.text.includes('$')
    ? variableRouter(address, scope, context)
    : fixedRouter(address, context);
}

/** The host of an address without variables that is looked up at load. */
export function tunnelHost({ text }: Argument): string | null {
  return text.includes('$') ? null : hostToResolve(text);
}

function fixedRouter({ text, at }: Argument, context: BuildContext): Router | null {
  const isGroup = context.groups.has(text.toLowerCase());
  if (!isGroup && parseHostPort(text)?.port === null) {
    context.error(at, `no port in upstream "${text}"`);
    return null;
  }
  const live = groupFor(text, anyPort, at, context);
  if (live === null) return null;
  const destination = {
    live,
    secure: false,
    proxyHost: text,
    proxyPort: '',
    uri: '',
    origin: text,
  };
  return () => destination;
}

function variableRouter(address: Argument, scope: Scope, context: BuildContext): Router {
  const template = context.template(address);
  const { groups } = context;
  const router = new DynamicRouter({
    template,
    configured: template,
    tls: null,
    nameGiven: true,
    groups,
    liveGroups: context.liveGroups,
    resolver: resolverOf(scope, context),
    timeoutMs: scope.get(resolverTimeout),
  });
  return (x) => {
    const text = template.evaluate(x);
    return isAddress(x, text, groups) ? router.routeText(x, `http://${text}`) : 500;
  };
}

// "CONNECT unix:80" must not become the path of a socket: only an absolute one is taken, which no
// host of a request can be.
function isAddress(x: Exchange, text: string, groups: ReadonlyMap<string, LiveGroup>): boolean {
  if (/^unix:\/[^:]+$/.test(text) || groups.has(text.toLowerCase())) return true;
  const parsed = parseHostPort(text);
  const isUnix = text.startsWith('unix:');
  if (parsed !== null && parsed.port !== null && !isUnix && !/[?#]/.test(text)) return true;
  const noPort = parsed !== null && parsed.port === null;
  const problem = noPort ? 'no port' : isUnix ? 'invalid host' : hostPortProblem(text);
  logError(x, 'error', `${problem} in upstream "${text}"`);
  return false;
}
