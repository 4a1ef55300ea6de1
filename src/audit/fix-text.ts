// One edit of a finding as a change of a text: in a line of its own where the directive beside it has
// one, with the same indentation; inline in a block of one line. Comments stay as they are.

import type { Edit } from './model.ts';
import type { Span } from './spans.ts';

/** What stands from `start` to `end` becomes `text`. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The change; a text where there is none, saying why. */
export function changeOf(edit: Edit, span: Span, text: string): Change | string {
  switch (edit.kind) {
    case 'insert-after':
      return insertAfter(edit.lines, span, text);
    case 'insert-into':
      return insertInto(edit.lines, span, text);
    case 'replace':
      if (span.hasComment) return 'there is a comment within the directive';
      if (edit.line === null) return removal(span, text);
      return { start: span.start, end: span.end, text: edit.line };
  }
}

/** Why a change cannot be made beside others; `same`: it is among them. */
export function conflicts(change: Change, others: readonly Change[]): string | null {
  for (const other of others) {
    const replaces = change.end > change.start || other.end > other.start;
    if (!replaces) continue;
    if (other.start === change.start && other.end === change.end) {
      if (other.text === change.text) return 'same';
      return 'another finding asks for something else there';
    }
    if (change.start < other.end && other.start < change.end) {
      return 'another finding changes the same place';
    }
    if (isWithin(change, other) || isWithin(other, change)) {
      return 'another finding takes the place away';
    }
  }
  return null;
}

// An insertion inside what is replaced.
function isWithin(insertion: Change, { start, end }: Change): boolean {
  return insertion.start === insertion.end && start < insertion.start && insertion.start < end;
}

function insertAfter(lines: readonly string[], span: Span, text: string): Change {
  const rest = restOfLine(text, span.end);
  if (!startsLine(text, span.start) || !/^[ \t]*(#.*)?\r?$/.test(rest)) {
    return { start: span.end, end: span.end, text: lines.map((line) => ` ${line}`).join('') };
  }
  return ownLines(lines, indentation(text, span.start), span.end + withoutReturn(rest), text);
}

// A trailing comment belongs to what it stands behind.
function insertInto(lines: readonly string[], span: Span, text: string): Change | string {
  if (span.inside === null) return 'it is no block';
  const rest = restOfLine(text, span.inside);
  if (!/^[ \t]*(#.*)?\r?$/.test(rest) || span.inside + rest.length >= text.length) {
    const after = /^\s/.test(text.slice(span.inside)) ? '' : ' ';
    const put = lines.map((line) => ` ${line}`).join('') + after;
    return { start: span.inside, end: span.inside, text: put };
  }
  const at = span.inside + withoutReturn(rest);
  return ownLines(lines, innerIndentation(text, span, span.inside + rest.length), at, text);
}

function ownLines(lines: readonly string[], indent: string, at: number, text: string): Change {
  const lineEnd = text.startsWith('\r\n', at) ? '\r\n' : '\n';
  return { start: at, end: at, text: lines.map((line) => lineEnd + indent + line).join('') };
}

// That of what follows in the block, else that of the block and some more.
function innerIndentation(text: string, span: Span, lineEnd: number): string {
  const own = indentation(text, span.start);
  const next = /^[ \t]*(?=[^\s}])/m.exec(text.slice(lineEnd + 1, span.end - 1));
  const found = next?.[0] ?? '';
  if (found.length > own.length) return found;
  return own + (own.startsWith('\t') ? '\t' : '    ');
}

function removal({ start, end }: Span, text: string): Change {
  const rest = restOfLine(text, end);
  const first = startsLine(text, start);
  if (first && /^[ \t]*\r?$/.test(rest)) {
    return {
      start: lineStart(text, start),
      end: Math.min(end + rest.length + 1, text.length),
      text: '',
    };
  }
  if (first) return { start, end: end + (/^[ \t]*/.exec(rest)?.[0].length ?? 0), text: '' };
  const before = /[ \t]*$/.exec(text.slice(lineStart(text, start), start))?.[0].length ?? 0;
  return { start: start - before, end, text: '' };
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function startsLine(text: string, at: number): boolean {
  return text.slice(lineStart(text, at), at).trim() === '';
}

function indentation(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, at), at))?.[0] ?? '';
}

function restOfLine(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return text.slice(at, end === -1 ? text.length : end);
}

function withoutReturn(rest: string): number {
  return rest.endsWith('\r') ? rest.length - 1 : rest.length;
}
