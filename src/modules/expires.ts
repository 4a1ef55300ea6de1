// `expires`: how long a response may be kept, as Expires and Cache-Control.

import { parseSeconds } from '../base/duration.ts';
import { now } from '../base/clock.ts';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { parseDate } from '../http1/date.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { isSuccessOrRedirect, sentField, setField } from './response-edits.ts';

/** When a response expires. */
type Expires =
  | { readonly kind: 'off' | 'epoch' | 'max' }
  /** Seconds from now, or from Last-Modified; a time of day where `daily`. */
  | { readonly kind: 'access' | 'modified' | 'daily'; readonly seconds: number };

interface ExpiresLine {
  readonly time: Argument;
  readonly modified: boolean;
  /** Null where the time is a variable. */
  readonly fixed: Expires | null;
}

function readTime(text: string, modified: boolean): Expires | string {
  if (!modified) {
    if (text === 'epoch' || text === 'max' || text === 'off') return { kind: text };
  }
  if (text.startsWith('@')) {
    if (modified) return 'daily time cannot be used with "modified" parameter';
    const seconds = parseSeconds(text.slice(1));
    if (seconds === null) return 'invalid value';
    return seconds > 86_400
      ? 'daily time value must be less than 24 hours'
      : { kind: 'daily', seconds };
  }
  const negative = text.startsWith('-');
  const seconds = parseSeconds(/^[+-]/.test(text) ? text.slice(1) : text);
  if (seconds === null) return 'invalid value';
  return { kind: modified ? 'modified' : 'access', seconds: negative ? -seconds : seconds };
}

const value: ValueType<ExpiresLine> = {
  expects: 'a time, epoch, max or off, perhaps after "modified"',
  parse(node, help) {
    const [first, second] = node.args;
    if (first === undefined) return null;
    const time = second ?? first;
    if (second !== undefined && first.text !== 'modified') {
      help.error(first.at, '"expires" directive invalid value', value.expects);
      return null;
    }
    const modified = second !== undefined;
    if (time.text.startsWith('$')) return { time, modified, fixed: null };
    const read = readTime(time.text, modified);
    if (typeof read === 'string') {
      help.error(time.at, `"expires" directive ${read}`, value.expects);
      return null;
    }
    return { time, modified, fixed: read };
  },
};

export const expires = directive<ExpiresLine | null>({
  name: 'expires',
  contexts: inHttpServerLocationIf,
  args: { min: 1, max: 2 },
  value,
  default: null,
  defaultText: 'off',
  help:
    'Sets Expires and Cache-Control: so long from now ("modified": from Last-Modified), "@15h30m" ' +
    'at that time of the day, a negative time, epoch (never keep), max (ten years) or off. For the ' +
    'statuses that add_header is for.',
  example: 'expires 1h;',
});

const dayMs = 86_400_000;

function apply(x: Exchange, rule: Expires): void {
  switch (rule.kind) {
    case 'off':
      return;
    case 'epoch':
      setBoth(x, 'Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache');
      return;
    case 'max':
      setBoth(x, 'Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000');
      return;
    default:
      applySeconds(x, rule.kind, rule.seconds);
  }
}

function applySeconds(x: Exchange, kind: 'access' | 'modified' | 'daily', seconds: number): void {
  const time = Math.floor(now() / 1000);
  if (kind === 'daily') {
    const at = nextTimeOfDay(seconds);
    setBoth(x, new Date(at * 1000).toUTCString(), `max-age=${at - time}`);
    return;
  }
  const modified = kind === 'modified' ? lastModified(x) : null;
  // Without Last-Modified, "modified" counts from now.
  const at = (modified ?? time) + seconds;
  const age = at - time;
  const control = seconds < 0 || age < 0 ? 'no-cache' : `max-age=${age}`;
  setBoth(x, new Date(at * 1000).toUTCString(), control);
}

// Of the day in the machine's own time zone.
function nextTimeOfDay(seconds: number): number {
  const midnight = new Date(now());
  midnight.setHours(0, 0, 0, 0);
  let at = midnight.getTime() + seconds * 1000;
  if (at <= now()) at += dayMs;
  return Math.floor(at / 1000);
}

function lastModified(x: Exchange): number | null {
  const text = sentField(x, 'last-modified');
  return text === null ? null : parseDate(text);
}

function setBoth(x: Exchange, date: string, control: string): void {
  setField(x, 'Expires', date);
  setField(x, 'Cache-Control', control);
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const line = scope.get(expires);
  if (line === null || line.fixed?.kind === 'off') return;
  const { fixed, modified } = line;
  if (fixed !== null) {
    build.headerFilters.push((x) => {
      if (isSuccessOrRedirect(x.status)) apply(x, fixed);
    });
    return;
  }
  const template = context.template(line.time);
  build.headerFilters.push((x) => {
    if (!isSuccessOrRedirect(x.status)) return;
    const read = readTime(template.evaluate(x), modified);
    if (typeof read !== 'string') apply(x, read);
  });
}

export const expiresModule: Module = { name: 'expires', directives: [expires], location };
