// Findings that are known already, in a file: new ones stand out. A finding is known by its rule, file
// and the text of its line, so that lines may move.

import path from 'node:path';
import { SallyportError } from '../base/errors.ts';
import type { Finding } from './model.ts';

/** The content of a baseline file. */
export interface Baseline {
  readonly version: 1;
  readonly findings: readonly KnownFinding[];
}

interface KnownFinding {
  readonly rule: string;
  /** The file's name without its folder. */
  readonly file: string;
  readonly line: string;
}

type Told = Pick<Finding, 'rule' | 'node' | 'sourceLine'>;

function known({ rule, node, sourceLine }: Told): KnownFinding {
  return { rule, file: path.basename(node.at.file), line: sourceLine.trim().replace(/\s+/g, ' ') };
}

/** A baseline of all findings that are not suppressed otherwise. */
export function makeBaseline(findings: readonly Finding[]): Baseline {
  const list = findings.filter(({ suppressed }) => suppressed === null).map(known);
  return { version: 1, findings: list };
}

/** Is the finding in the baseline? */
export function isKnown({ findings }: Baseline, finding: Told): boolean {
  const { rule, file, line } = known(finding);
  return findings.some((one) => one.rule === rule && one.file === file && one.line === line);
}

/**
 * Reads a baseline.
 *
 * @throws SallyportError CONFIG_INVALID where the text is none
 */
export function readBaseline(text: string, name: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SallyportError('CONFIG_INVALID', `"${name}" is no baseline: it is not JSON`, error);
  }
  if (!isBaseline(value)) {
    throw new SallyportError('CONFIG_INVALID', `"${name}" is no baseline of version 1`);
  }
  return value;
}

function isBaseline(value: unknown): value is Baseline {
  if (typeof value !== 'object' || value === null) return false;
  if (!('version' in value) || value.version !== 1) return false;
  return 'findings' in value && Array.isArray(value.findings) && value.findings.every(isEntry);
}

function isEntry(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['rule', 'file', 'line'].every((field) => {
    return field in value && typeof (value as Record<string, unknown>)[field] === 'string';
  });
}
