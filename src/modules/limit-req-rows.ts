// The rows of `limit_req` and its like, and how their zones come to be.

import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { listDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { parseNumber } from '../config/value-types.ts';
import { variable } from '../exchange/variable.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp, inHttpServerLocation } from './contexts.ts';
import { RequestLimiter } from './limit-req.ts';
import {
  limitAnswer,
  limitRows,
  parseZone,
  verdictText,
  zoneMissing,
  type ZoneText,
} from './limit-rows.ts';
import { LimitZones, type LimitLine, type LimitZoneLine } from './limit-zones.ts';
import type { LocationBuild, Module } from './module.ts';
import { RequestZone } from './request-zone.ts';

interface RateLine extends LimitZoneLine {
  /** Thousandths of a request per second. */
  readonly rate: number;
}

// `10r/s`, `30r/m`, or a bare number of requests a second.
function parseRate(text: string): number | null {
  const match = /^rate=(\d+)(r\/s|r\/m)?$/.exec(text);
  const requests = parseNumber(match?.[1] ?? '') ?? 0;
  if (requests === 0) return null;
  return match?.[2] === 'r/m' ? Math.floor((requests * 1000) / 60) : requests * 1000;
}

const zoneLine: ValueType<RateLine> = {
  expects: 'a key, zone=NAME:SIZE and rate=NUMBERr/s',
  parse(node, help) {
    const [key, ...rest] = node.args;
    if (key === undefined) return null;
    let zone: ZoneText | null = null;
    let rate = 1000;
    for (const argument of rest) {
      const { text, at } = argument;
      if (text.startsWith('zone=')) {
        zone = parseZone(argument, help);
        if (zone === null) return null;
      } else if (text.startsWith('rate=')) {
        const given = parseRate(text);
        if (given === null) {
          help.error(at, `invalid rate "${text}"`, 'rate=10r/s or rate=30r/m');
          return null;
        }
        rate = given;
      } else if (text === 'sync') {
        help.warn(at, '"sync" has no effect: the zone is shared by the workers of this process');
      } else {
        help.error(at, `invalid parameter "${text}"`);
        return null;
      }
    }
    return zone === null ? zoneMissing(node, help) : { key, zone, rate };
  },
};

export const limitReqZone = listDirective<RateLine>({
  name: 'limit_req_zone',
  contexts: inHttp,
  args: { min: 3, max: 4 },
  value: zoneLine,
  inherits: false,
  help:
    'Memory for limit_req, shared by all workers: how many requests there were for each value of ' +
    'the key. A megabyte holds 16384 values; where there is no room the least recently used goes. ' +
    'Requests with an empty key are not counted. A reload keeps what is in a zone.',
  differs: 'after a reload with another key or size the zone begins anew, with a notice in the log',
  example: 'limit_req_zone $binary_remote_addr zone=clients:10m rate=10r/s;',
});

interface RequestLine extends LimitLine {
  /** Thousandths. */
  readonly burst: number;
  readonly free: number;
}

// In thousandths; null after a reported error.
function countOf(argument: Argument, word: string, help: ParseHelp): number | null {
  const count = parseNumber(argument.text.slice(word.length + 1));
  if (count !== null && count > 0) return count * 1000;
  help.error(argument.at, `invalid ${word} value "${argument.text}"`);
  return null;
}

function parseLimit(node: DirectiveNode, help: ParseHelp): RequestLine | null {
  let zone: { readonly name: string; readonly at: Position } | null = null;
  let burst: number | null = 0;
  let free: number | null = 0;
  for (const argument of node.args) {
    const { text, at } = argument;
    if (text.startsWith('zone=')) zone = { name: text.slice('zone='.length), at };
    else if (text.startsWith('burst=')) burst = countOf(argument, 'burst', help);
    else if (text.startsWith('delay=')) free = countOf(argument, 'delay', help);
    else if (text === 'nodelay') free = Infinity;
    else {
      help.error(at, `invalid parameter "${text}"`);
      return null;
    }
    if (burst === null || free === null) return null;
  }
  if (zone === null) return zoneMissing(node, help);
  return { zone: zone.name, at: zone.at, burst, free };
}

export const limitReq = listDirective<RequestLine>({
  name: 'limit_req',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 3 },
  value: { expects: 'zone=NAME, burst=NUMBER, nodelay or delay=NUMBER', parse: parseLimit },
  help:
    'Limits requests by a zone. Those above its rate wait for their turn, at most "burst" of them; ' +
    'further ones are refused. With "nodelay" those of the burst go on at once, with "delay" so ' +
    'many of them. Of several lines the strictest decides.',
  example: 'limit_req zone=clients burst=20 nodelay;',
});

const rows = limitRows('limit_req', 'requests');

const zones = new LimitZones<RequestZone>('limit_req');

function define(http: Scope, context: BuildContext): () => void {
  return zones.define(
    context,
    http.get(limitReqZone),
    ({ zone: { name }, rate }, table) => new RequestZone(name, rate, table),
  );
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const used = zones.used(context, scope.get(limitReq));
  if (used.length === 0) return;
  const limits = used.map(({ zone, key, line: { burst, free } }) => ({ zone, key, burst, free }));
  const limiter = new RequestLimiter(limits, limitAnswer(scope, rows));
  build.add('preaccess', (x) => limiter.handle(x));
}

export const limitReqModule: Module = {
  name: 'limit_req',
  directives: [limitReqZone, limitReq, rows.status, rows.logLevel, rows.dryRun],
  variables: [
    variable(
      'limit_req_status',
      'What limit_req did with the request: PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or ' +
        'REJECTED_DRY_RUN.',
      (x) => verdictText(x.main.requestLimit),
    ),
  ],
  define,
  location,
};
