// File name patterns as glob(3) has them, which nginx uses for `include`: `*`, `?` and `[...]`
// within one path segment; a leading dot must be written out; nothing like `**` or `{a,b}`.

import { join } from 'node:path';

/** What a pattern is matched against. */
export interface FolderReader {
  /** Names in a folder; empty where it cannot be read, as glob(3) does without GLOB_ERR. */
  names(folder: string): readonly string[];
  exists(path: string): boolean;
}

/** Does a path need matching at all? nginx asks for these three characters. */
export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * The paths that match an absolute pattern, in the order of their bytes (glob(3) in the C locale).
 */
export function expandGlob(pattern: string, folders: FolderReader): readonly string[] {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  let found: readonly string[] = ['/'];
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    found = isPattern(segment)
      ? matchSegment(found, segment, folders)
      : found
          .map((folder) => join(folder, segment))
          .filter((path) => !last || folders.exists(path));
  }
  return [...found].sort(compareBytes);
}

function matchSegment(
  parents: readonly string[],
  segment: string,
  folders: FolderReader,
): readonly string[] {
  const expression = segmentExpression(segment);
  return parents.flatMap((parent) =>
    folders
      .names(parent)
      .filter((name) => expression.test(name))
      .map((name) => join(parent, name)),
  );
}

/** Sorts by bytes, where a plain comparison would sort by UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Does a whole path match a pattern, segment by segment? */
export function matchesGlob(path: string, pattern: string): boolean {
  const names = path.split('/');
  const segments = pattern.split('/');
  return (
    names.length === segments.length &&
    segments.every((segment, index) => segmentExpression(segment).test(names[index] ?? ''))
  );
}

function segmentExpression(segment: string): RegExp {
  let source = segment.startsWith('.') ? '' : '(?!\\.)';
  let index = 0;
  while (index < segment.length) {
    const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(segment.slice(index));
    const character = segment[index] ?? '';
    if (set !== null) {
      source += characterSet(set[2] ?? '', (set[1] ?? '') !== '');
      index += set[0].length;
      continue;
    }
    if (character === '*') source += '[^]*?';
    else if (character === '?') source += '[^]';
    else if (character === '\\' && index + 1 < segment.length) {
      index += 1;
      source += literal(segment[index] ?? '');
    } else source += literal(character);
    index += 1;
  }
  return tryExpression(`^${source}$`);
}

// A range that runs backwards ("[z-a]") is no valid expression; for glob(3) it matches nothing.
function tryExpression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    return /^(?!)/;
  }
}

function characterSet(members: string, negated: boolean): string {
  return `[${negated ? '^' : ''}${members.replace(/[\\\]^[]/g, '\\$&')}]`;
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}
