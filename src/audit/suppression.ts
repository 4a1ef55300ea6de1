// A comment in the configuration takes a finding back, with a reason that the report shows:
//
//   proxy_ssl_verify off;  # sallyport-audit ignore no-verify: the box is replaced in March
//
// It stands on the line itself or on the line before. Without a reason it does not count.

import type { Position } from '../config/node.ts';
import type { AuditSource } from './sources.ts';

const comment = /#\s*sallyport-audit\s+ignore\s+([a-z0-9_-]+(?:\s*,\s*[a-z0-9_-]+)*)\s*:\s*(\S.*)$/;

const linesByText = new WeakMap<AuditSource, Map<string, readonly string[]>>();

/** The lines of a file, split once. */
export function linesOf(source: AuditSource, file: string): readonly string[] {
  let byFile = linesByText.get(source);
  if (byFile === undefined) linesByText.set(source, (byFile = new Map()));
  let lines = byFile.get(file);
  if (lines === undefined) byFile.set(file, (lines = source.files.get(file)?.split('\n') ?? []));
  return lines;
}

/** The reason of the comment that is about this rule at this place; null where there is none. */
export function suppressionFor(source: AuditSource, rule: string, at: Position): string | null {
  const lines = linesOf(source, at.file);
  const own = reasonIn(lines[at.line - 1], rule);
  if (own !== null) return own;
  const before = lines[at.line - 2];
  // The comment of the line before counts where that line is nothing else.
  return before !== undefined && /^\s*#/.test(before) ? reasonIn(before, rule) : null;
}

function reasonIn(line: string | undefined, rule: string): string | null {
  const found = comment.exec(line ?? '');
  if (found === null) return null;
  const named = (found[1] ?? '').split(',').map((one) => one.trim());
  return named.includes(rule) ? (found[2] ?? '').trim() : null;
}
