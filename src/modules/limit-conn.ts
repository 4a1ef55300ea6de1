// `limit_conn`: how many requests of one key may be under way at a time, over all workers. Runs
// before the checks of access; the place is given back when the request has ended, in whatever way.

import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { parseNumber } from '../config/value-types.ts';
import type { Ending } from '../exchange/ending.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { NEXT, type Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { variable } from '../exchange/variable.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { ConnectionZone } from './connection-zone.ts';
import { inHttp, inHttpServerLocation } from './contexts.ts';
import {
  keyOf,
  limitAnswer,
  limitRows,
  parseZone,
  Verdict,
  verdictText,
  type LimitAnswer,
} from './limit-rows.ts';
import { LimitZones, type LimitLine, type LimitZoneLine } from './limit-zones.ts';
import type { LocationBuild, Module } from './module.ts';

/** Longest key, in bytes. */
const longestKey = 255;
const mostConnections = 65_535;

const zoneLine: ValueType<LimitZoneLine> = {
  expects: 'a key and zone=NAME:SIZE',
  parse(node, help) {
    const [key, argument] = node.args;
    if (key === undefined || argument === undefined) return null;
    if (!argument.text.startsWith('zone=')) {
      help.error(argument.at, `invalid parameter "${argument.text}"`);
      return null;
    }
    const zone = parseZone(argument, help);
    return zone === null ? null : { key, zone };
  },
};

export const limitConnZone = listDirective<LimitZoneLine>({
  name: 'limit_conn_zone',
  contexts: inHttp,
  args: 2,
  value: zoneLine,
  inherits: false,
  help:
    'Memory for limit_conn, shared by all workers: how many requests are under way for each value ' +
    'of the key. A megabyte holds 16384 values for each worker that has requests of them; where ' +
    'there is no room, requests are refused. Requests with an empty key are not counted. A reload ' +
    'keeps what is in a zone.',
  differs: 'after a reload with another key or size the zone begins anew, with a notice in the log',
  example: 'limit_conn_zone $binary_remote_addr zone=addresses:10m;',
});

interface ConnectionLine extends LimitLine {
  readonly most: number;
}

const limitLine: ValueType<ConnectionLine> = {
  expects: 'the name of a zone and a number',
  parse(node, help) {
    const [zone, number] = node.args;
    if (zone === undefined || number === undefined) return null;
    const most = parseNumber(number.text) ?? 0;
    if (most === 0) help.error(number.at, `invalid number of connections "${number.text}"`);
    else if (most > mostConnections) {
      help.error(number.at, 'connection limit must be less 65536');
    } else return { zone: zone.text, most, at: zone.at };
    return null;
  },
};

export const limitConn = listDirective<ConnectionLine>({
  name: 'limit_conn',
  contexts: inHttpServerLocation,
  args: 2,
  value: limitLine,
  help:
    'The most requests that may be under way at a time for one key of the zone; further ones are ' +
    'refused. Of several lines the strictest decides.',
  example: 'limit_conn addresses 10;',
});

const rows = limitRows('limit_conn', 'requests');

interface ConnectionLimit {
  readonly zone: ConnectionZone;
  readonly key: Template;
  readonly most: number;
}

/** A request's place in a zone. */
class Place implements Ending {
  next: Ending | null = null;
  readonly #zone: ConnectionZone;
  #record: number;

  constructor(zone: ConnectionZone, record: number) {
    this.#zone = zone;
    this.#record = record;
  }

  end(): void {
    const record = this.#record;
    this.#record = -1;
    if (record >= 0) this.#zone.leave(record);
  }
}

function limiter(limits: readonly ConnectionLimit[], answer: LimitAnswer): Handler {
  return (x) => {
    const { main } = x;
    if (main.connectionLimit !== Verdict.none) return NEXT;
    let taken: Place[] | null = null;
    for (const { zone, key, most } of limits) {
      const text = keyOf(x, key, longestKey);
      if (text === '') continue;
      main.connectionLimit = Verdict.passed;
      const record = zone.enter(text, most);
      if (record < 0) {
        // What other zones have counted of it is not under way.
        for (const place of taken ?? []) place.end();
        return refuse(x, { zone, full: record === -2 }, answer);
      }
      const place = new Place(zone, record);
      // A mirrored request may go on when the client's is over.
      (main.finished ? x : main).addEnding(place);
      if (limits.length > 1) (taken ??= []).push(place);
    }
    return NEXT;
  };
}

function refuse(
  x: Exchange,
  { zone, full }: { readonly zone: ConnectionZone; readonly full: boolean },
  { dryRun, level, status }: LimitAnswer,
): number {
  const dry = dryRun ? ', dry run,' : '';
  if (full) logError(x, 'alert', `could not allocate node in limit_conn zone "${zone.name}"`);
  else logError(x, level, `limiting connections${dry} by zone "${zone.name}"`);
  x.main.connectionLimit = dryRun ? Verdict.rejectedDryRun : Verdict.rejected;
  return dryRun ? NEXT : status;
}

const zones = new LimitZones<ConnectionZone>('limit_conn');

function define(http: Scope, context: BuildContext): () => void {
  const { thread } = context.zones;
  return zones.define(
    context,
    http.get(limitConnZone),
    ({ zone: { name } }, table) => new ConnectionZone(name, table, thread),
  );
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const used = zones.used(context, scope.get(limitConn));
  const limits = used.map(({ zone, key, line: { most } }) => ({ zone, key, most }));
  if (limits.length > 0) build.add('preaccess', limiter(limits, limitAnswer(scope, rows)));
}

export const limitConnModule: Module = {
  name: 'limit_conn',
  directives: [limitConnZone, limitConn, rows.status, rows.logLevel, rows.dryRun],
  variables: [
    variable(
      'limit_conn_status',
      'What limit_conn did with the request: PASSED, REJECTED or REJECTED_DRY_RUN.',
      (x) => verdictText(x.main.connectionLimit),
    ),
  ],
  define,
  location,
};
