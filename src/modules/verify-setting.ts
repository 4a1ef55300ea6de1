// The value of `proxy_ssl_verify`: how far the hop is verified and, where that is less than fully,
// for which reason and until which day. After that day it is fully verified again.

import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import type { ParseHelp, ValueType } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import type { VerifyMode } from '../tls/upstream-settings.ts';

export interface VerifySetting {
  readonly mode: VerifyMode;
  /** As written; null where none is given. */
  readonly reason: string | null;
  /** The last day of `off` and `report`, as written: `2027-01-31`. Null: no end. */
  readonly until: string | null;
  /** The end of that day in UTC, in milliseconds since the epoch. */
  readonly weakUntil: number | null;
}

export const fullVerification: VerifySetting = {
  mode: 'on',
  reason: null,
  until: null,
  weakUntil: null,
};

const dayMs = 86_400_000;
/** Days before its end at which a weaker mode is warned of. */
const warnDays = 30;

const modes: readonly VerifyMode[] = ['on', 'off', 'report'];

/** `on`, or `off` or `report` with `reason=` and `until=`. */
export const verifySetting: ValueType<VerifySetting> = custom(
  '"on", "off" or "report", the latter two perhaps with reason="TEXT" and until=YYYY-MM-DD',
  (node, help) => {
    const [first, ...rest] = node.args;
    const mode = modes.find((one) => one === first?.text.toLowerCase());
    if (mode === undefined) {
      const message =
        `invalid value "${first?.text ?? ''}" in "${node.name}" directive, ` +
        'it must be "on", "off" or "report"';
      help.error(first?.at ?? node.at, message);
      return null;
    }
    return readParameters({ node, mode, help }, joinQuoted(rest));
  },
);

interface Reading {
  readonly node: DirectiveNode;
  readonly mode: VerifyMode;
  readonly help: ParseHelp;
}

// As in nginx a quote counts only where a word begins, so `reason="two words"` comes as two words.
function joinQuoted(args: readonly Argument[]): Argument[] {
  const joined: Argument[] = [];
  let open: Argument | null = null;
  for (const one of args) {
    const word: Argument = open === null ? one : { ...open, text: `${open.text} ${one.text}` };
    open = null;
    if (/^reason="/.test(word.text) && !/^reason=".*"$/.test(word.text)) open = word;
    else joined.push(word);
  }
  return open === null ? joined : [...joined, open];
}

function readParameters(reading: Reading, args: readonly Argument[]): VerifySetting | null {
  const { mode, help } = reading;
  let reason: string | null = null;
  let until: { readonly text: string; readonly end: number; readonly at: Position } | null = null;
  let valid = true;
  for (const { text, at } of args) {
    if (mode !== 'on' && text.startsWith('reason=') && reason === null) {
      reason = withoutQuotes(text.slice('reason='.length));
    } else if (mode !== 'on' && text.startsWith('until=') && until === null) {
      const day = text.slice('until='.length);
      const end = endOfDay(day);
      if (end === null) {
        const message = `invalid date "${day}" in "${reading.node.name}" directive`;
        help.error(at, message, 'write a day of the calendar as YYYY-MM-DD; it ends at 24:00 UTC');
        valid = false;
      } else until = { text: day, end, at };
    } else {
      const hint = mode === 'on' ? 'reason= and until= belong to "off" and "report"' : undefined;
      help.error(at, `invalid parameter "${text}"`, hint);
      valid = false;
    }
  }
  if (!valid) return null;
  if (until === null) return { mode, reason, until: null, weakUntil: null };
  if (isOver(reading, until)) return fullVerification;
  return { mode, reason, until: until.text, weakUntil: until.end };
}

function withoutQuotes(text: string): string {
  return /^"(.*)"$/s.exec(text)?.[1] ?? text;
}

function endOfDay(day: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (match === null) return null;
  const start = new Date(`${day}T00:00:00Z`);
  // The 31st of a shorter month would roll over.
  if (Number.isNaN(start.getTime()) || start.toISOString().slice(0, 10) !== day) return null;
  return start.getTime() + dayMs;
}

/** The day on which it is verified again, as `YYYY-MM-DD`. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

// Says so where the day is over or near.
function isOver(
  { node, mode, help }: Reading,
  until: { readonly text: string; readonly end: number; readonly at: Position },
): boolean {
  const left = until.end - Date.now();
  if (left <= 0) {
    help.warn(
      until.at,
      `verification is on again since ${dayOf(until.end)}: "${node.name} ${mode}" ended`,
      `remove "${node.name} ${mode}", or give it a later day`,
    );
    return true;
  }
  if (left < warnDays * dayMs) {
    const days = Math.floor(left / dayMs);
    const when = days === 0 ? 'in less than a day' : days === 1 ? 'in 1 day' : `in ${days} days`;
    help.warn(
      until.at,
      `"${node.name} ${mode}" ends ${when}: from ${dayOf(until.end)} on the upstream is verified`,
    );
  }
  return false;
}
