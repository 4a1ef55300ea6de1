// `health_check`: the servers of a location's group are asked in advance whether they are fit, over
// the same TLS policy and under the same names as the location's requests.

import { parseMilliseconds } from '../base/duration.ts';
import type { Argument } from '../config/node.ts';
import { directive, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PendingDestination } from '../forward/pending-destination.ts';
import type { CheckPlan, ResponseTest } from '../forward/health-check.ts';
import { forgetChecks, HealthChecker, type CheckSchedule } from '../forward/health-checker.ts';
import type { Destination, LiveGroup, ProxySettings } from '../forward/proxy-settings.ts';
import type { BuildContext } from './build-context.ts';
import { checkExchange } from './check-exchange.ts';
import { inLocation } from './contexts.ts';
import { anySuccess, compileMatch, match } from './match.ts';
import type { Module } from './module.ts';
import { proxyPass } from './proxy-rows.ts';
import { serverName } from './server-name.ts';
import { wholeNumber } from './upstream-server-line.ts';

interface HealthCheckLine extends Omit<CheckSchedule, 'index'> {
  readonly uri: string;
  readonly match: Argument | null;
  readonly connectOnly: boolean;
  readonly keepaliveMs: number;
}

type Draft = { -readonly [Name in keyof HealthCheckLine]: HealthCheckLine[Name] };

/** False: the value is invalid. */
type ParameterRow = (draft: Draft, value: string, argument: Argument) => boolean;

function timeRow(name: 'intervalMs' | 'jitterMs' | 'keepaliveMs', least: number): ParameterRow {
  return (draft, value) => {
    const ms = parseMilliseconds(value);
    draft[name] = ms ?? 0;
    return ms !== null && ms >= least;
  };
}

function countRow(name: 'fails' | 'passes'): ParameterRow {
  return (draft, value) => (draft[name] = wholeNumber(value) ?? 0) > 0;
}

const parameters: Readonly<Record<string, ParameterRow>> = {
  'interval=': timeRow('intervalMs', 1),
  'jitter=': timeRow('jitterMs', 0),
  'fails=': countRow('fails'),
  'passes=': countRow('passes'),
  'uri=': (draft, value) => {
    draft.uri = value;
    return /^\/[\x21-\x7e]*$/.test(value);
  },
  'port=': (draft, value) => {
    draft.port = wholeNumber(value) ?? 0;
    return draft.port >= 1 && draft.port <= 65535;
  },
  'match=': (draft, value, argument) => {
    draft.match = argument;
    return value !== '';
  },
  'type=': (draft, value) => (draft.connectOnly = value === 'tcp'),
  'keepalive_time=': timeRow('keepaliveMs', 0),
  mandatory: (draft) => (draft.mandatory = true),
  persistent: (draft) => (draft.persistent = true),
};

const healthCheckValue: ValueType<HealthCheckLine | null> = {
  expects: 'parameters such as interval=5s',
  parse(node, help) {
    const draft: Draft = {
      intervalMs: 5_000,
      jitterMs: 0,
      fails: 1,
      passes: 1,
      port: null,
      mandatory: false,
      persistent: false,
      uri: '/',
      match: null,
      connectOnly: false,
      keepaliveMs: 0,
    };
    if (!node.args.map((one) => readParameter(one, draft, help)).every(Boolean)) return null;
    if (draft.persistent && !draft.mandatory) {
      help.error(node.at, '"persistent" requires "mandatory"');
      return null;
    }
    return draft;
  },
};

function readParameter(one: Argument, draft: Draft, help: ParseHelp): boolean {
  const equals = one.text.indexOf('=') + 1;
  const row = parameters[equals === 0 ? one.text : one.text.slice(0, equals)];
  const value = one.text.slice(equals);
  if (row?.(draft, value, { text: value, quoted: one.quoted, at: one.at }) === true) return true;
  const hint = one.text === 'type=grpc' ? 'checks are over HTTP, or type=tcp' : undefined;
  help.error(one.at, `invalid parameter "${one.text}"`, hint);
  return false;
}

export const healthCheck = directive<HealthCheckLine | null>({
  name: 'health_check',
  contexts: inLocation,
  args: { min: 0, max: Infinity },
  value: healthCheckValue,
  default: null,
  inherits: false,
  help:
    'Asks the servers of the group again and again whether they are fit, and sends requests only to ' +
    'those that are. interval=TIME (5s), jitter=TIME (up to so much more), fails=N and passes=N in ' +
    'a row that take a server out and back (1), uri=PATH (/), port=N instead of the own one, ' +
    'match=NAME: a match block instead of any status from 200 to 399; type=tcp: that a connection ' +
    'opens (with TLS: is verified) is enough; keepalive_time=TIME: one connection for several ' +
    'checks; mandatory: no request before the first check, after a reload neither, unless ' +
    'persistent and fit before.',
  differs:
    'nginx has it in its commercial edition only, without type=tcp for HTTP and with type=grpc; ' +
    'checks are made over the TLS policy of the location, so that a server whose certificate would ' +
    'be refused is unfit; a group with "zone" is checked by one worker for all of them, a group ' +
    'without (which nginx refuses) by each worker for itself',
  example: 'health_check interval=10s fails=3 passes=2 uri=/ready;',
});

/** The checks of one location. */
export interface HealthCheckSite {
  readonly scope: Scope;
  readonly settings: ProxySettings;
  readonly locationName: string;
}

/** Prepares the checks of a location that has a `proxy_pass`; nothing where it asks for none. */
export function prepareHealthChecks(site: HealthCheckSite, context: BuildContext): void {
  const { scope, settings, locationName } = site;
  const line = scope.own(healthCheck);
  const at = scope.at(healthCheck);
  if (line === null) return;
  const test = testOf(line, scope, context);
  const request = {
    target: line.uri,
    locationName,
    serverName: scope.get(serverName)[0]?.[0]?.text ?? '',
    proxyHost: '',
    proxyPort: '',
    errorLog: context.mainLog,
  };
  const destination = fixedDestination(scope, settings, checkExchange(request));
  if (destination === null) {
    context.error(at, '"health_check" needs a "proxy_pass" without variables');
    return;
  }
  if (test === null) return;
  const index = nextIndex(destination.live, context);
  if (index >= mostChecks) {
    context.error(at, `more than ${mostChecks} health checks of one group`);
    return;
  }
  const { proxyHost, proxyPort } = destination;
  const plan: CheckPlan = {
    settings,
    destination,
    connectOnly: line.connectOnly,
    requestLine: `GET ${line.uri}`,
    test,
    keepaliveMs: line.keepaliveMs,
    exchange: () => checkExchange({ ...request, proxyHost, proxyPort }),
  };
  schedule(plan, { ...line, index }, context);
}

/** Each has a bit of a number. */
const mostChecks = 30;

function testOf(
  { match: named }: HealthCheckLine,
  scope: Scope,
  context: BuildContext,
): ResponseTest | null {
  if (named === null) return anySuccess;
  const block = scope.get(match).find(({ name }) => name === named.text);
  if (block !== undefined) return compileMatch(block, context);
  context.error(named.at, `unknown match "${named.text}"`);
  return null;
}

function fixedDestination(scope: Scope, settings: ProxySettings, x: Exchange): Destination | null {
  if (scope.own(proxyPass)?.text.includes('$') !== false) return null;
  const found = settings.router(x);
  return typeof found === 'number' || found instanceof PendingDestination ? null : found;
}

function nextIndex({ group }: LiveGroup, { groupChecks }: BuildContext): number {
  const index = groupChecks.get(group.definition) ?? 0;
  groupChecks.set(group.definition, index + 1);
  return index;
}

// One worker checks for all that share what it finds out.
function isMine({ group }: LiveGroup, { zones }: BuildContext): boolean {
  return !group.shared || zones.thread <= 1;
}

function schedule(plan: CheckPlan, line: CheckSchedule, context: BuildContext): void {
  if (!isMine(plan.destination.live, context)) return;
  const { mainLog, checkSlots: slots } = context;
  const checker = new HealthChecker(plan, line, {
    slots,
    log: (level, message) => mainLog?.log(level, message),
  });
  context.beginners.push(() => checker.begin());
  context.retirers.push(() => checker.stop());
}

/** At the start of a configuration: verdicts of checks that it has no more must not stay. */
export function forgetOldChecks(context: BuildContext): void {
  const { groups, groupChecks } = context;
  for (const live of groups.values()) {
    if (!isMine(live, context)) continue;
    forgetChecks(live.group.peers, groupChecks.get(live.group.definition) ?? 0);
  }
}

export const healthCheckModule: Module = {
  name: 'health check',
  directives: [healthCheck, match],
  location: (scope, _build, context) => {
    if (scope.own(healthCheck) === null || scope.own(proxyPass) !== null) return;
    context.error(scope.at(healthCheck), '"health_check" needs a "proxy_pass" in its location');
  },
};
