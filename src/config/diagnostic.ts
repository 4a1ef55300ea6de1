// Errors and warnings about a configuration. All of one run are gathered, so that a user mends
// them in one go. The words are nginx's where nginx has them; a hint says how to mend it.

import type { Position } from './node.ts';

export type Severity = 'error' | 'warning';

/** One finding. */
export interface Diagnostic {
  readonly severity: Severity;
  /** What is wrong, in nginx's wording where it has one. */
  readonly message: string;
  /** Null where it belongs to no place, e.g. a section that is missing. */
  readonly at: Position | null;
  /** How to mend it. */
  readonly hint: string | null;
  /** The line that `at` points into, null where its text is not known. */
  readonly sourceLine: string | null;
}

/** The name that positions have for the directives of the `-g` option. */
export const commandLine = 'command line';

/** Gathers the findings of one run. */
export class Diagnostics {
  readonly #list: Diagnostic[] = [];
  readonly #lines = new Map<string, readonly string[]>();
  #errorCount = 0;

  /** Everything found so far, in the order of finding. */
  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  /** How many of them are errors: a configuration with any must not be used. */
  get errorCount(): number {
    return this.#errorCount;
  }

  /** Makes the text of a file known, so that later findings show the line they are about. */
  attachSource(file: string, text: string): void {
    this.#lines.set(file, text.split('\n'));
  }

  /** @param hint - how to mend it, in a few words without a capital and full stop */
  error(at: Position | null, message: string, hint?: string): void {
    this.#errorCount += 1;
    this.#add('error', at, { message, hint });
  }

  /** As `error`, for what works but is likely not meant. */
  warn(at: Position | null, message: string, hint?: string): void {
    this.#add('warning', at, { message, hint });
  }

  #add(
    severity: Severity,
    at: Position | null,
    words: { message: string; hint: string | undefined },
  ): void {
    const line = at === null ? undefined : this.#lines.get(at.file)?.[at.line - 1];
    this.#list.push({
      severity,
      message: words.message,
      at,
      hint: words.hint ?? null,
      sourceLine: line === undefined ? null : line.replace(/\r$/, ''),
    });
  }
}

const longestShownLine = 160;

/**
 * Writes a finding for a terminal: nginx's shape with the column added, then the line with the
 * place marked, then the hint. No newline at the end. Control characters are made visible, since
 * a configuration may come from somebody else.
 *
 * @param level - the level shown in brackets, by default `emerg` for errors and `warn` for warnings
 */
export function formatDiagnostic(diagnostic: Diagnostic, level?: string): string {
  const shownLevel = level ?? (diagnostic.severity === 'error' ? 'emerg' : 'warn');
  const place = diagnostic.at === null ? '' : ` in ${formatPosition(diagnostic.at)}`;
  const lines = [`sallyport: [${shownLevel}] ${diagnostic.message}${place}`];
  const { at, sourceLine } = diagnostic;
  if (at !== null && sourceLine !== null && sourceLine.trim() !== '') {
    lines.push(...markedLine(sourceLine, at));
  }
  if (diagnostic.hint !== null) lines.push(`      ${diagnostic.hint}`);
  return lines.map(withVisibleControls).join('\n');
}

/** `FILE:LINE:COLUMN`; directives of the command line have no line. */
export function formatPosition(at: Position): string {
  return at.file === commandLine ? at.file : `${at.file}:${at.line}:${at.column}`;
}

// The line with its number, and below it carets under the word at the position.
function markedLine(sourceLine: string, at: Position): readonly string[] {
  const characters = Array.from(sourceLine);
  let start = at.column - 1;
  let shown = characters;
  if (characters.length > longestShownLine) {
    const first = Math.max(0, start - longestShownLine / 2);
    shown = characters.slice(first, first + longestShownLine);
    start -= first;
  }
  const before = shown.slice(0, start).map((character) => (character === '\t' ? '\t' : ' '));
  const carets = '^'.repeat(wordLength(shown.slice(start).join('')));
  const number = String(at.line).padStart(6);
  return [
    `${number} | ${shown.join('')}`,
    `${' '.repeat(number.length)} | ${before.join('')}${carets}`,
  ];
}

const wordPattern = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;{}]+)/;

function wordLength(rest: string): number {
  const match = wordPattern.exec(rest);
  return match === null ? 1 : Array.from(match[0]).length;
}

function withVisibleControls(line: string): string {
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
