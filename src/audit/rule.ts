// A rule of the audit is one row: what it finds, why that is bad, how to mend it, and the check itself.

import type { DirectiveNode } from '../config/node.ts';
import type { AuditSeverity, Dialect, Hop, RawFinding } from './model.ts';
import type { Level } from './tree.ts';

/** What a check looks at. */
export interface AuditSubject {
  readonly dialect: Dialect;
  readonly root: Level;
  readonly hops: readonly Hop[];
  /** All `upstream` groups by name in lower case. */
  readonly groups: ReadonlyMap<string, Level>;
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
