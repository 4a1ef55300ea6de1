// All directive names at once: our rows, and nginx's directives that have none here. Answers which
// row a name means in a context, and words what is wrong where it means none.

import { SallyportError } from '../base/errors.ts';
import type { Context, DirectiveRow } from './row.ts';
import { nearestName } from './suggest.ts';

/** One directive of nginx as its own table has it. */
export interface ForeignDirective {
  /** As nginx's documentation names it, e.g. `ngx_http_gzip_module`. */
  readonly module: string;
  /** nginx's contexts, those of `stream` and `mail` too, so not only our own. */
  readonly contexts: readonly string[];
  /** nginx's number of arguments, e.g. `1-2`, `block 1+`; null where not known. */
  readonly args: string | null;
  /** What to do instead, where more can be said than "remove it"; null otherwise. */
  readonly hint: string | null;
}

/** nginx's directives by name; several entries where contexts give a name several meanings. */
export type ForeignDirectives = ReadonlyMap<string, readonly ForeignDirective[]>;

/** What is wrong with a name in a context. */
export interface NameProblem {
  readonly message: string;
  readonly hint: string | undefined;
}

export class DirectiveIndex {
  readonly #rows = new Map<string, DirectiveRow[]>();
  readonly #foreign: ForeignDirectives;

  /** @throws SallyportError INTERNAL - if two rows claim one name in one context */
  constructor(rows: readonly DirectiveRow[], foreign: ForeignDirectives) {
    this.#foreign = foreign;
    for (const row of rows) {
      const clash = row.contexts.find((context) => this.find(row.name, context) !== null);
      if (clash !== undefined) {
        throw new SallyportError('INTERNAL', `two rows for "${row.name}" in context "${clash}"`);
      }
      this.#rowsOf(row.name).push(row);
    }
  }

  find(name: string, context: Context): DirectiveRow | null {
    return this.#rows.get(name)?.find((row) => row.contexts.includes(context)) ?? null;
  }

  /** Is it a directive of ours or nginx's in this context? */
  knows(name: string, context: Context): boolean {
    return this.find(name, context) !== null || this.#foreignIn(name, context) !== undefined;
  }

  /** Why a name that `find` did not find cannot stand in a context. */
  problem(name: string, context: Context): NameProblem {
    const foreign = this.#foreignIn(name, context);
    if (foreign !== undefined) {
      return { message: `"${name}" directive is not supported`, hint: unsupportedHint(foreign) };
    }
    const contexts = this.#contextsOf(name);
    if (contexts.length > 0) {
      const message = `"${name}" directive is not allowed here`;
      return { message, hint: `it is allowed in: ${contexts.join(', ')}` };
    }
    const meant = this.#nearest(name, context);
    const hint = meant === null ? undefined : `did you mean "${meant}"?`;
    return { message: `unknown directive "${name}"`, hint };
  }

  #rowsOf(name: string): DirectiveRow[] {
    const known = this.#rows.get(name);
    if (known !== undefined) return known;
    const rows: DirectiveRow[] = [];
    this.#rows.set(name, rows);
    return rows;
  }

  #foreignIn(name: string, context: Context): ForeignDirective | undefined {
    return this.#foreign.get(name)?.find((directive) => directive.contexts.includes(context));
  }

  #contextsOf(name: string): readonly string[] {
    const own = this.#rows.get(name)?.flatMap((row) => row.contexts) ?? [];
    const foreign = this.#foreign.get(name)?.flatMap((directive) => directive.contexts) ?? [];
    return [...new Set<string>([...own, ...foreign])];
  }

  #nearest(name: string, context: Context): string | null {
    const names = [...this.#rows.keys()];
    const here = names.filter((candidate) => this.find(candidate, context) !== null);
    return (
      nearestName(name, here) ?? nearestName(name, names) ?? nearestName(name, this.#foreign.keys())
    );
  }
}

function unsupportedHint(directive: ForeignDirective): string {
  if (directive.hint !== null) return directive.hint;
  // Never a plain "remove it": it may be what guards a location.
  return `not implemented (nginx: ${directive.module}); remove it only if nothing relies on it`;
}
