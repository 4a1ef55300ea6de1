// A rule of the audit is one row: what it finds, why that is bad, how to mend it, and the check itself.

import type { DirectiveNode } from '../config/node.ts';
import type { AuditSeverity, Dialect, Edit, Hop, RawFinding } from './model.ts';
import type { Taint } from './taint.ts';
import type { Level } from './tree.ts';
import type { Definitions } from './variables.ts';
import type { NginxVersion } from './version.ts';

/** What a check looks at. */
export interface AuditSubject {
  readonly dialect: Dialect;
  readonly root: Level;
  readonly hops: readonly Hop[];
  /** All `upstream` groups by name in lower case. */
  readonly groups: ReadonlyMap<string, Level>;
  /** Where variables come from. */
  readonly definitions: Definitions;
  /** Which of them the client fills. */
  readonly taint: Taint;
  /** Null where nobody said which it is. */
  readonly version: NginxVersion | null;
  /**
   * Reads a file that the configuration names, relative to the folder of the main file; null where it
   * cannot be read. For certificates and keys.
   */
  readFile(path: string): Buffer | null;
  /** The permission bits of a file; null where it is not there. */
  fileMode(path: string): number | null;
}

/** One example for a rule's tests and its page. */
export interface GoldenCase {
  /** What it shows, in a few words. */
  readonly title: string;
  readonly configuration: string;
  /** Lines (from 1) that are found; empty where nothing is. */
  readonly lines: readonly number[];
  readonly dialect?: Dialect;
  /** The files that it names, by path, as they are on disk. */
  readonly files?: Readonly<Record<string, CaseFile>>;
  readonly nginxVersion?: string;
}

/** A file of an example. */
export interface CaseFile {
  readonly text: string;
  /** Default: 0o600. */
  readonly mode?: number;
}

/** One rule. */
export interface Rule {
  /** Stable: suppressions and baselines name it. */
  readonly id: string;
  /** A few words, for tables. */
  readonly title: string;
  readonly severity: AuditSeverity;
  /** What it finds, in a sentence or two. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** How to mend it, in general. */
  readonly mend: string;
  /** CWE, CIS, RFC, advisories: "CWE-295", "CIS nginx 4.1.10", a URL. */
  readonly references: readonly string[];
  /** At least one that is found and one that is not. */
  readonly cases: readonly GoldenCase[];
  check(subject: AuditSubject): Iterable<RawFinding>;
}

/** The last directive of a hop's family that holds there; else the hop's own. */
export function placeOfSetting(hop: Hop, directive: string): DirectiveNode {
  return hop.level.last(directive) ?? hop.node;
}

/** What an example may have beside its configuration. */
export type CaseOptions = Pick<GoldenCase, 'dialect' | 'files' | 'nginxVersion'>;

/** An example that is found: the lines marked with `# here`. */
export function hit(title: string, configuration: string, options: CaseOptions = {}): GoldenCase {
  const lines = configuration
    .split('\n')
    .flatMap((line, i) => (line.endsWith('# here') ? [i + 1] : []));
  return { title, configuration, lines, ...options };
}

/** An example in which nothing is found. */
export function miss(title: string, configuration: string, options: CaseOptions = {}): GoldenCase {
  return { title, configuration, lines: [], ...options };
}

/** The level whose directives hold for a hop: `if` and `limit_except` take few of their own. */
export function settingLevel(level: Level): Level {
  const inside = level.kind === 'if' || level.kind === 'limit_except';
  return inside && level.parent !== null ? settingLevel(level.parent) : level;
}

/**
 * The edit that gives a directive a value at a level: its own line is replaced, or a new one written
 * after the anchor, or at the beginning of the block where the anchor is in a block inside.
 */
export function setDirective(
  level: Level,
  anchor: DirectiveNode,
  name: string,
  value: string,
): Edit {
  const target = settingLevel(level);
  const line = `${name} ${value};`;
  const own = target.own(name).at(-1);
  if (own !== undefined) return { kind: 'replace', node: own, line };
  if (target.node !== null && !target.nodes.includes(anchor)) {
    return { kind: 'insert-into', node: target.node, lines: [line] };
  }
  return { kind: 'insert-after', node: anchor, lines: [line] };
}

/** A directive as text, with quotes where they are needed. */
export function renderDirective(name: string, args: readonly string[]): string {
  const words = args.map((text) => {
    if (text !== '' && !/[\s;{}"'#\\]/.test(text)) return text;
    return text.includes('"') && !text.includes("'")
      ? `'${text}'`
      : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `${[name, ...words].join(' ')};`;
}
