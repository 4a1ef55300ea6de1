// Why this server and why this location. Who won is known from the request itself; here is said by
// which of nginx's rules, and which others were looked at.

import type { Scope } from '../config/scope.ts';
import { location as locationRow } from '../modules/location.ts';
import type { Location } from '../server/location.ts';
import type { ServerName } from '../server/server-names.ts';
import type { ExplainedCandidate } from './explain-model.ts';
import { scopeText } from './explain-words.ts';

/** Says which rule chose a server. @param host - of the request, as it was understood */
export function explainServer(
  host: string | null,
  names: readonly ServerName[],
  isDefault: boolean,
): string {
  if (host === null) return 'the request names no host: the default server of the port';
  const found = kinds.find(({ matches }) => names.some((name) => matches(name, host)));
  if (found !== undefined) return `"${host}" is ${found.words}`;
  return isDefault
    ? `no server of the port has the name "${host}": its default server`
    : `the server of "${host}"`;
}

interface NameKind {
  readonly words: string;
  readonly matches: (name: ServerName, host: string) => boolean;
}

// In the order in which they are looked at.
const kinds: readonly NameKind[] = [
  {
    words: 'exactly one of its names',
    matches: (name, host) =>
      (name.kind === 'exact' && name.name === host) ||
      (name.kind === 'leading' && name.bare && name.name.slice(1) === host),
  },
  {
    words: 'within a name of its that begins with "*": the longest of all servers',
    matches: (name, host) => name.kind === 'leading' && host.endsWith(name.name),
  },
  {
    words: 'within a name of its that ends with "*": the longest of all servers',
    matches: (name, host) => name.kind === 'trailing' && host.startsWith(name.name),
  },
  {
    words: 'what a regular expression among its names matches: the first of all servers',
    matches: (name, host) => name.kind === 'regex' && name.pattern.regex.exec(host) !== null,
  },
];

interface Search {
  readonly uri: string;
  readonly chosen: Scope;
}

/** The locations that match a path, and all regular expressions, with what became of them. */
export function explainCandidates(
  server: Scope,
  locations: ReadonlyMap<Scope, Location>,
  search: Search,
): readonly ExplainedCandidate[] {
  const found: { scope: Scope; location: Location; matches: boolean }[] = [];
  collect(server, locations, search, found);
  const winner = locations.get(search.chosen) ?? null;
  return found.map(({ scope, location, matches }) => ({
    location: scopeText(scope),
    at: scope.node?.at ?? null,
    matches,
    chosen: scope === search.chosen,
    why: scope === search.chosen ? whyChosen(location) : whyLost(location, matches, winner),
  }));
}

function collect(
  scope: Scope,
  locations: ReadonlyMap<Scope, Location>,
  search: Search,
  found: { scope: Scope; location: Location; matches: boolean }[],
): void {
  for (const inner of scope.blocks(locationRow)) {
    const location = locations.get(inner);
    if (location === undefined || location.kind === 'named') continue;
    const matches = matchesPath(location, search.uri) || inner === search.chosen;
    if (matches || location.kind === 'regex') found.push({ scope: inner, location, matches });
    if (matches) collect(inner, locations, search, found);
  }
}

function matchesPath(location: Location, uri: string): boolean {
  if (location.kind === 'exact') return location.name === uri;
  if (location.kind === 'prefix') return uri.startsWith(location.name);
  return location.regex !== null && location.regex.exec(uri) !== null;
}

function whyChosen({ kind, noRegex }: Location): string {
  if (kind === 'exact') return 'exactly the path: nothing else is looked at';
  if (kind === 'regex') return 'the first regular expression that matches';
  return noRegex
    ? 'the longest prefix, and "^~": no regular expression is tried'
    : 'the longest prefix, and no regular expression matches';
}

function whyLost(lost: Location, matches: boolean, winner: Location | null): string {
  if (winner?.kind === 'exact') return 'not looked at: another one is exactly the path';
  if (lost.kind === 'regex') {
    if (!matches) return 'does not match';
    return winner?.kind === 'regex'
      ? 'matches, but another one was tried before'
      : 'not tried: the longest prefix has "^~", or an inner location was found before';
  }
  if (winner?.kind === 'regex') return 'a prefix, but a regular expression wins';
  return 'a prefix, but another one is longer';
}
