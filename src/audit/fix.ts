// `--fix`: the edits of findings become changes of the texts. What one finding needs is done as a
// whole or not at all; what other findings have made of the text is read again after each round,
// until there is nothing left to change.

import { directiveRows } from '../modules/index.ts';
import type { AuditReport } from './audit.ts';
import { changeOf, conflicts, type Change } from './fix-text.ts';
import type { DirectiveNode } from '../config/node.ts';
import type { Edit, Finding } from './model.ts';
import type { AuditSource } from './sources.ts';
import { findSpans, spanKey, type Spans } from './spans.ts';
import { buildTree, type Level } from './tree.ts';

/** A file before and after. */
export interface FixedFile {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** A finding that was left as it is. */
export interface LeftFinding {
  readonly finding: Finding;
  readonly why: string;
}

/** What came of mending. */
export interface Fixes {
  /** Those that change, in the order of their paths. */
  readonly files: readonly FixedFile[];
  /** Findings that were mended. */
  readonly fixed: readonly Finding[];
  /** Findings that could be mended by hand, but not here. */
  readonly left: readonly LeftFinding[];
  /** The audit of what is then. */
  readonly report: AuditReport;
}

/** One directive that stands above many hops is mended hop by hop. */
const mostRounds = 20;

/**
 * Mends what can be mended without a human's decision; writes nothing. Suppressed findings are not
 * touched.
 *
 * @param audit - audits once more, with the options of the first time
 * @returns null where the texts are no files: standard input, or what `nginx -T` printed
 */
export function fixFindings(
  first: AuditReport,
  audit: (source: AuditSource) => AuditReport,
): Fixes | null {
  const { withTexts } = first.source;
  if (withTexts === undefined) return null;
  const texts = new Map(first.source.files);
  const fixed: Finding[] = [];
  let left: readonly LeftFinding[] = [];
  let report = first;
  for (let round = 0; round < mostRounds; round += 1) {
    const mending = new Mending(report);
    for (const finding of report.findings) mending.add(finding);
    left = mending.left;
    if (mending.fixed.length === 0) break;
    for (const [file, text] of mending.texts()) texts.set(file, text);
    fixed.push(...mending.fixed);
    report = audit(withTexts(texts));
  }
  const files = [...texts]
    .map(([path, after]) => ({ path, before: first.source.files.get(path) ?? '', after }))
    .filter(({ before, after }) => before !== after)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, fixed, left, report };
}

const repeating: ReadonlyMap<string, boolean> = new Map(
  directiveRows.map((row) => [row.name, row.kind === 'block' || row.repeats]),
);

/** What is written at a level: a value for each directive that may stand there once. */
type Written = Map<Level, Map<string, string>>;

/** One round over one state of the texts. */
class Mending {
  readonly fixed: Finding[] = [];
  readonly left: LeftFinding[] = [];
  readonly #source: AuditSource;
  readonly #levels = new Map<DirectiveNode, { around: Level; inside: Level | null }>();
  readonly #spans = new Map<string, Spans>();
  readonly #changes = new Map<string, Change[]>();
  readonly #written: Written = new Map();

  constructor(report: AuditReport) {
    this.#source = report.source;
    // A level is walked before those in it.
    for (const level of buildTree(report.source.nodes).walk()) {
      const opener = level.node === null ? undefined : this.#levels.get(level.node);
      if (opener !== undefined) opener.inside = level;
      for (const node of level.nodes) this.#levels.set(node, { around: level, inside: null });
    }
  }

  add(finding: Finding): void {
    const { edits = [], suppressed } = finding;
    if (suppressed !== null || edits.length === 0) return;
    const news: { readonly file: string; readonly change: Change }[] = [];
    const levels: { readonly level: Level; readonly line: string }[] = [];
    for (const edit of edits) {
      const made = this.#make(edit, levels);
      if (typeof made === 'string') {
        this.left.push({ finding, why: made });
        return;
      }
      levels.push(...made.written);
      if (made.change !== null) news.push({ file: edit.node.at.file, change: made.change });
    }
    for (const { level, line } of levels) this.#note(level, line);
    for (const { file, change } of news) this.#keep(file, change);
    if (news.length > 0) this.fixed.push(finding);
  }

  // A text: why it cannot be done. Without a change: it is done already.
  #make(
    edit: Edit,
    before: readonly { readonly level: Level; readonly line: string }[],
  ): { change: Change | null; written: { level: Level; line: string }[] } | string {
    const { file } = edit.node.at;
    const span = this.#spansOf(file).get(spanKey(edit.node.at));
    const text = this.#source.files.get(file);
    if (span === undefined || text === undefined) return 'the place is not found in the file';
    const level = this.#levelOf(edit);
    const lines = edit.kind === 'replace' ? [edit.line ?? ''] : edit.lines;
    const wanted: string[] = [];
    for (const line of lines.filter((one) => one !== '')) {
      const known =
        before.findLast((one) => one.level === level && keyOf(one.line) === keyOf(line))?.line ??
        this.#written.get(level)?.get(keyOf(line));
      if (known === undefined && edit.kind !== 'replace' && isThere(level, line)) {
        return `"${nameOf(line)}" is there already`;
      }
      if (known === undefined) wanted.push(line);
      else if (known !== line) return `it would contradict "${known}", which is written there too`;
    }
    const written = wanted.map((line) => ({ level, line }));
    if (edit.kind !== 'replace' && wanted.length === 0) return { change: null, written };
    const narrowed = edit.kind === 'replace' ? edit : { ...edit, lines: wanted };
    const change = changeOf(narrowed, span, text);
    if (typeof change === 'string') return change;
    const problem = conflicts(change, this.#changes.get(file) ?? []);
    if (problem === 'same') return { change: null, written };
    return problem === null ? { change, written } : problem;
  }

  #levelOf(edit: Edit): Level {
    const known = this.#levels.get(edit.node);
    const level = edit.kind === 'insert-into' ? known?.inside : known?.around;
    if (level === null || level === undefined) throw new TypeError('an edit of an unknown node');
    return level;
  }

  #spansOf(file: string): Spans {
    let spans = this.#spans.get(file);
    if (spans === undefined) {
      spans = findSpans(file, this.#source.files.get(file) ?? '');
      this.#spans.set(file, spans);
    }
    return spans;
  }

  #note(level: Level, line: string): void {
    const known = this.#written.get(level);
    if (known === undefined) this.#written.set(level, new Map([[keyOf(line), line]]));
    else known.set(keyOf(line), line);
  }

  #keep(file: string, change: Change): void {
    const known = this.#changes.get(file);
    if (known === undefined) this.#changes.set(file, [change]);
    else known.push(change);
  }

  /** The texts of the files that change. */
  *texts(): Generator<readonly [string, string]> {
    for (const [file, changes] of this.#changes) {
      yield [file, apply(this.#source.files.get(file) ?? '', changes)];
    }
  }
}

function nameOf(line: string): string {
  return /^[^\s;]*/.exec(line)?.[0] ?? '';
}

// Written in the configuration, where a second one would be refused.
function isThere(level: Level, line: string): boolean {
  const name = nameOf(line);
  return repeating.get(name) === false && level.own(name).length > 0;
}

// What may stand at a level several times is itself its key.
function keyOf(line: string): string {
  const name = nameOf(line);
  return repeating.get(name) === false ? name : line;
}

// From the end, so that the places of those before stay; of several at one place the first stays so.
function apply(text: string, changes: readonly Change[]): string {
  const backwards = changes
    .map((change, i) => ({ ...change, i }))
    .sort((a, b) => b.start - a.start || b.end - a.end || b.i - a.i);
  let result = text;
  for (const { start, end, text: put } of backwards) {
    result = result.slice(0, start) + put + result.slice(end);
  }
  return result;
}
