// The directives in effect at a location, each with the level that it comes from.

import type { DirectiveRow } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { ExplainedDirective } from './explain-model.ts';
import { directiveText, scopeText } from './explain-words.ts';

/** Its own first, then what is inherited, from the nearest level outwards. */
export function effectiveDirectives(scope: Scope): readonly ExplainedDirective[] {
  const found: ExplainedDirective[] = [];
  const seen = new Set<DirectiveRow>();
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    // An `if` takes the content of the location around it.
    const own = level === scope || isInside(scope, level);
    for (const [row, { nodes }] of level.entries()) {
      if (row.kind === 'block' || seen.has(row)) continue;
      if (!own && !(row.inherits && mayStandIn(row, scope))) continue;
      seen.add(row);
      for (const node of nodes) {
        const inherited = level !== scope;
        found.push({ text: directiveText(node), at: node.at, level: scopeText(level), inherited });
      }
    }
  }
  return found;
}

// What may not stand there is no setting of it: `listen`, `log_format`.
function mayStandIn(row: DirectiveRow, scope: Scope): boolean {
  const { parent } = scope;
  if (row.contexts.includes(scope.context)) return true;
  return parent !== null && isInside(scope, parent) && row.contexts.includes(parent.context);
}

function isInside(scope: Scope, level: Scope): boolean {
  const implicit = scope.context === 'if-in-location' || scope.context === 'limit_except';
  return implicit && scope.parent === level;
}
