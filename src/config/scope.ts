// One context of a checked configuration, such as one `server` block, with the values that stand in
// it. A row is the key to its value: `scope.get(proxyReadTimeout)` is a number.

import type { Diagnostics } from './diagnostic.ts';
import type { DirectiveNode, Position } from './node.ts';
import type { Context, DirectiveRow } from './row.ts';

/** What stands at one level for one row. */
export interface ScopeEntry {
  /** What the row's type has made of it; for rows that gather, the array. */
  readonly value: unknown;
  /** The directives it came from, in their order; for rows that gather, one for each element. */
  readonly nodes: readonly DirectiveNode[];
}

interface GrowingEntry {
  value: unknown;
  readonly nodes: DirectiveNode[];
}

export class Scope {
  readonly context: Context;
  /** The directive that opened this scope, for its arguments; null for the main context. */
  readonly node: DirectiveNode | null;
  readonly parent: Scope | null;
  /** For findings of whoever compiles this scope further. */
  readonly diagnostics: Diagnostics;
  readonly #entries = new Map<DirectiveRow, GrowingEntry>();
  readonly #blocks = new Map<DirectiveRow, Scope[]>();

  constructor(options: {
    context: Context;
    node: DirectiveNode | null;
    parent: Scope | null;
    diagnostics: Diagnostics;
  }) {
    this.context = options.context;
    this.node = options.node;
    this.parent = options.parent;
    this.diagnostics = options.diagnostics;
  }

  /**
   * The effective value: what stands here, else, if the row inherits, what stands at the nearest
   * level above that has any, else the row's default.
   */
  get<V>(row: DirectiveRow<V>): V {
    const entry = this.#effective(row);
    return entry === null ? row.default : (entry.value as V);
  }

  /** What stands at this very level; null if nothing does. */
  own<V>(row: DirectiveRow<V>): V | null {
    const entry = this.#entries.get(row);
    return entry === undefined ? null : (entry.value as V);
  }

  /** Where the effective value was written, the last place of several; null for the default. */
  at(row: DirectiveRow): Position | null {
    return this.nodes(row).at(-1)?.at ?? null;
  }

  /** The directives behind the effective value, in their order; empty for the default. */
  nodes(row: DirectiveRow): readonly DirectiveNode[] {
    return this.#effective(row)?.nodes ?? [];
  }

  /** The scopes that this block row opened at this level, in their order. */
  blocks(row: DirectiveRow<true>): readonly Scope[] {
    return this.#blocks.get(row) ?? [];
  }

  /** All that stands at this level, in the order of first appearance: for audits and dumps. */
  entries(): Iterable<readonly [DirectiveRow, ScopeEntry]> {
    return this.#entries;
  }

  /** Sets a value, or adds an element if the row gathers. For `check.ts` alone. */
  put(row: DirectiveRow, value: unknown, node: DirectiveNode): void {
    const entry = this.#entries.get(row);
    if (entry === undefined) {
      this.#entries.set(row, { value: gathers(row) ? [value] : value, nodes: [node] });
      return;
    }
    entry.nodes.push(node);
    if (gathers(row)) (entry.value as unknown[]).push(value);
    else entry.value = value;
  }

  /** Adds the scope of a block. For `check.ts` alone. */
  putBlock(row: DirectiveRow, scope: Scope): void {
    const scopes = this.#blocks.get(row);
    if (scopes === undefined) this.#blocks.set(row, [scope]);
    else scopes.push(scope);
  }

  // A row is only ever put where its contexts allow, so an ancestor that has it may have it.
  #effective(row: DirectiveRow): GrowingEntry | null {
    const own = this.#entries.get(row);
    if (own !== undefined) return own;
    return row.inherits && this.parent !== null ? this.parent.#effective(row) : null;
  }
}

/** Does the value of a row gather in an array? */
function gathers(row: DirectiveRow): boolean {
  return row.kind !== 'block' && row.repeats;
}
