// What `limit_req` and `limit_conn` have in common: how a zone is written, and the rows for the
// status, the log level and the dry run.

import type { LogLevel } from '../base/errors.ts';
import { parseSize } from '../base/size.ts';
import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { directive, type DirectiveRow, type ParseHelp } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, number } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import { logError } from '../server/request-log.ts';
import { inHttpServerLocation } from './contexts.ts';
import { flagRow } from './row-shapes.ts';

/** As in nginx, eight pages. */
const leastBytes = 8 * 4096;

/** `zone=name:size` of a directive that defines a zone. */
export interface ZoneText {
  readonly name: string;
  readonly bytes: number;
  readonly at: Position;
}

/** Reads `zone=name:size`; null after a reported error. */
export function parseZone(argument: Argument, help: ParseHelp): ZoneText | null {
  const { text, at } = argument;
  const colon = text.indexOf(':');
  const bytes = colon === -1 ? null : parseSize(text.slice(colon + 1));
  const name = text.slice('zone='.length, colon);
  if (bytes === null) {
    help.error(at, `invalid zone size "${text}"`, 'zone=NAME:SIZE, as zone=clients:10m');
  } else if (bytes < leastBytes) {
    help.error(at, `zone "${text}" is too small`, `at least ${leastBytes / 1024}k`);
  } else if (name === '') {
    help.error(at, 'zone has no name', 'zone=NAME:SIZE, as zone=clients:10m');
  } else return { name, bytes, at };
  return null;
}

/** Reports that a directive names no zone, in nginx's words. */
export function zoneMissing(node: DirectiveNode, help: ParseHelp): null {
  help.error(node.at, `"${node.name}" must have "zone" parameter`);
  return null;
}

const levels = ['info', 'notice', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/** One level less severe, at which `limit_req` logs delays. */
export function belowLevel(level: Level): LogLevel {
  return levels[Math.max(0, levels.indexOf(level) - 1)] ?? 'info';
}

/** The rows that both features have. */
export interface LimitRows {
  readonly status: DirectiveRow<number>;
  readonly logLevel: DirectiveRow<Level>;
  readonly dryRun: DirectiveRow<boolean>;
}

/** @param name - of the directive that limits */
export function limitRows(name: string, what: string): LimitRows {
  return {
    status: directive({
      name: `${name}_status`,
      contexts: inHttpServerLocation,
      args: 1,
      value: number({ min: 400, max: 599 }),
      default: 503,
      defaultText: '503',
      help: `Status of ${what} that are refused.`,
      example: `${name}_status 429;`,
    }),
    logLevel: directive<Level>({
      name: `${name}_log_level`,
      contexts: inHttpServerLocation,
      args: 1,
      value: choice(levels),
      default: 'error',
      defaultText: 'error',
      help: `Level at which the error log has ${what} that are refused.`,
      example: `${name}_log_level warn;`,
    }),
    dryRun: flagRow({
      name: `${name}_dry_run`,
      default: false,
      help: `Whether the limit is only counted and logged: ${what} all pass.`,
      example: `${name}_dry_run on;`,
    }),
  };
}

/** The key of a request; empty where it is too long to be counted, which is logged. */
export function keyOf(x: Exchange, key: Template, longest: number): string {
  const text = key.evaluate(x);
  if (text.length <= longest) return text;
  const what = `the value of the "${key.source}" key is more than ${longest} bytes`;
  logError(x, 'error', `${what}: "${text}"`);
  return '';
}

/** How a location answers what is over a limit. */
export interface LimitAnswer {
  readonly status: number;
  readonly level: Level;
  readonly dryRun: boolean;
}

export function limitAnswer(scope: Scope, rows: LimitRows): LimitAnswer {
  return {
    status: scope.get(rows.status),
    level: scope.get(rows.logLevel),
    dryRun: scope.get(rows.dryRun),
  };
}

/** The words of `$limit_req_status` and `$limit_conn_status`, by what an exchange has. */
export const Verdict = {
  none: 0,
  passed: 1,
  delayed: 2,
  rejected: 3,
  delayedDryRun: 4,
  rejectedDryRun: 5,
} as const;

const words = ['PASSED', 'DELAYED', 'REJECTED', 'DELAYED_DRY_RUN', 'REJECTED_DRY_RUN'];

/** Null where no limit was asked. */
export function verdictText(verdict: number): string | null {
  return words[verdict - 1] ?? null;
}
