// An audit from what was read to its report: hops, rules, and what the configuration's owner has said
// about findings before.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { guessDialect } from './dialect.ts';
import { findHops } from './hops.ts';
import { severities, type AuditSeverity, type Dialect, type Finding, type Hop } from './model.ts';
import type { AuditSubject, Rule } from './rule.ts';
import { rules as allRules } from './rules/index.ts';
import type { AuditSource } from './sources.ts';
import { isKnown, type Baseline } from './baseline.ts';
import { redact } from './redact.ts';
import { linesOf, suppressionFor } from './suppression.ts';
import { Taint } from './taint.ts';
import { groupsOf } from './targets.ts';
import { buildTree } from './tree.ts';
import { Definitions } from './variables.ts';
import { parseVersion } from './version.ts';

/** How to audit. */
export interface AuditOptions {
  /** Default: guessed from the directives in use. */
  readonly dialect?: Dialect;
  /** Findings that are known already. */
  readonly baseline?: Baseline;
  /** Default: all. For tests. */
  readonly rules?: readonly Rule[];
  /** The version of nginx, "1.25.3"; default: what the text says about it, else unknown. */
  readonly nginxVersion?: string;
  /** Default: the disk. For tests. */
  readonly disk?: Disk;
}

/** Where the files that a configuration names are read. Null for those that cannot be. */
export interface Disk {
  read(path: string): Buffer | null;
  mode(path: string): number | null;
}

const realDisk: Disk = {
  read: (file) => orNull(() => readFileSync(file)),
  mode: (file) => orNull(() => statSync(file).mode & 0o7777),
};

/** What came of an audit. */
export interface AuditReport {
  readonly name: string;
  readonly dialect: Dialect;
  readonly hops: readonly Hop[];
  /** Worst first, then by place. Those that are suppressed are among them. */
  readonly findings: readonly Finding[];
  /** What could not be read. */
  readonly notes: readonly string[];
  readonly source: AuditSource;
}

/** Runs all rules over a configuration. Never throws for what the configuration contains. */
export function audit(source: AuditSource, options: AuditOptions = {}): AuditReport {
  const root = buildTree(source.nodes);
  const dialect = options.dialect ?? guessDialect(source.nodes);
  const definitions = new Definitions(root);
  const hops = findHops(root, dialect, definitions);
  const folder = path.dirname(source.name);
  const disk = options.disk ?? realDisk;
  const subject: AuditSubject = {
    dialect,
    root,
    hops,
    groups: groupsOf(root),
    definitions,
    taint: new Taint(definitions),
    version: parseVersion(options.nginxVersion ?? source.nginxVersion ?? ''),
    readFile: (file) => disk.read(path.resolve(folder, file)),
    fileMode: (file) => disk.mode(path.resolve(folder, file)),
  };
  const findings = (options.rules ?? allRules)
    .flatMap((rule) =>
      [...rule.check(subject)].map((raw) => ({ severity: rule.severity, ...raw, rule: rule.id })),
    )
    .map((raw): Finding => {
      const sourceLine = redact(lineOf(source, raw.node.at.file, raw.node.at.line));
      const suppressed =
        suppressionFor(source, raw.rule, raw.node.at) ??
        (options.baseline !== undefined && isKnown(options.baseline, { ...raw, sourceLine })
          ? 'in the baseline'
          : null);
      const message = redact(raw.message);
      const fix = raw.fix === undefined ? {} : { fix: redact(raw.fix) };
      return { ...raw, ...fix, message, sourceLine: sourceLine.trim(), suppressed };
    });
  return {
    name: source.name,
    dialect,
    hops,
    findings: sorted(unique(findings)),
    notes: source.notes,
    source,
  };
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** One line of a file, empty where there is none. */
export function lineOf(source: AuditSource, file: string, line: number): string {
  return linesOf(source, file)[line - 1] ?? '';
}

// One setting above many hops is one finding for each hop in the table, but one line to mend.
function unique(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, node, message }) => {
    const key = `${rule}\0${node.at.file}\0${node.at.line}\0${node.at.column}\0${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function sorted(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      compare(a.node.at.file, b.node.at.file) ||
      a.node.at.line - b.node.at.line ||
      a.node.at.column - b.node.at.column,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Is there a finding of this severity or worse that is not suppressed? */
export function failsOn({ findings }: AuditReport, threshold: AuditSeverity): boolean {
  const limit = severities.indexOf(threshold);
  return findings.some(
    ({ severity, suppressed }) => suppressed === null && severities.indexOf(severity) <= limit,
  );
}
