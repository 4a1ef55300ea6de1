// `if` in a location and `limit_except` are locations of their own that stand in for the one around
// them. What nginx does not inherit from location to location (`proxy_pass`, `alias`), they have
// from it all the same.

import type { DirectiveRow } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';

/** The scope of the `location` itself: the one around it for `if` and `limit_except`. */
export function locationScope(scope: Scope): Scope {
  const implicit = scope.context === 'if-in-location' || scope.context === 'limit_except';
  return implicit && scope.parent !== null ? scope.parent : scope;
}

/** What stands at this level, or, for `if` and `limit_except`, in the location around it. */
export function ownOrAround<V>(scope: Scope, row: DirectiveRow<V>): V | null {
  return scope.own(row) ?? locationScope(scope).own(row);
}
