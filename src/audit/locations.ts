// Locations: how they match, and which one takes a path.

import type { Level } from './tree.ts';

export type LocationKind = 'prefix' | 'exact' | 'regex' | 'named';

/** What a `location` matches. */
export interface LocationMatch {
  readonly kind: LocationKind;
  /** The path, expression or name, without its modifier. */
  readonly text: string;
  readonly caseless: boolean;
}

/** Reads the opening of a location; null for another level. */
export function readLocation({ kind, node }: Level): LocationMatch | null {
  if (kind !== 'location' || node === null) return null;
  const [first = '', second] = node.args.map(({ text }) => text);
  const modifier = second === undefined ? (/^(=|~\*|~|\^~)/.exec(first)?.[0] ?? '') : first;
  const text = second ?? first.slice(modifier.length);
  if (modifier === '~' || modifier === '~*') {
    return { kind: 'regex', text, caseless: modifier === '~*' };
  }
  if (text.startsWith('@')) return { kind: 'named', text, caseless: false };
  return { kind: modifier === '=' ? 'exact' : 'prefix', text, caseless: false };
}

/** The location that holds for a level: itself, or what its `if` stands in. */
export function locationOf(
  level: Level,
): { readonly level: Level; readonly match: LocationMatch } | null {
  const around = level.around('location');
  const match = around === null ? null : readLocation(around);
  return around === null || match === null ? null : { level: around, match };
}

/** The location of a server for "@name", or for a path by its longest prefix; null where none. */
export function findLocation(server: Level, target: string): Level | null {
  let best: Level | null = null;
  let length = -1;
  for (const level of server.walk()) {
    const match = readLocation(level);
    if (match === null) continue;
    const exact = match.kind === 'named' || match.kind === 'exact';
    if (exact ? match.text !== target : match.kind !== 'prefix' || !target.startsWith(match.text)) {
      continue;
    }
    const weight = exact ? Infinity : match.text.length;
    if (weight > length) {
      best = level;
      length = weight;
    }
  }
  return best;
}
