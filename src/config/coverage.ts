// How much of a configuration applies here: which of its directives have effect, which are accepted
// without any, and which are not there. For a configuration that was written for nginx.

import { DirectiveIndex, type ForeignDirectives } from './directive-index.ts';
import type { DirectiveNode } from './node.ts';
import type { Context, DirectiveRow } from './row.ts';

/** A directive, and why it does not apply. */
export interface CoverageNote {
  readonly node: DirectiveNode;
  readonly why: string;
}

/** What became of all directives. */
export interface Coverage {
  /** All of them, those in blocks that are not supported included. */
  readonly total: number;
  readonly applied: number;
  /** Accepted, and of no consequence. */
  readonly withoutEffect: readonly CoverageNote[];
  /** Not supported, unknown, or not allowed where they stand. Of a block the block alone. */
  readonly unsupported: readonly CoverageNote[];
}

/** Counts. Needs no valid configuration. */
export function coverageOf(
  nodes: readonly DirectiveNode[],
  rows: readonly DirectiveRow[],
  foreign: ForeignDirectives,
): Coverage {
  const counter = new Counter(new DirectiveIndex(rows, foreign));
  counter.level(nodes, 'main');
  return counter;
}

class Counter implements Coverage {
  readonly #index: DirectiveIndex;
  total = 0;
  applied = 0;
  readonly withoutEffect: CoverageNote[] = [];
  readonly unsupported: CoverageNote[] = [];

  constructor(index: DirectiveIndex) {
    this.#index = index;
  }

  level(nodes: readonly DirectiveNode[], context: Context): void {
    for (const node of nodes) this.#directive(node, context);
  }

  #directive(node: DirectiveNode, context: Context): void {
    const row = this.#index.find(node.name, context);
    if (row === null) {
      const { message, hint } = this.#index.problem(node.name, context);
      this.total += size(node);
      this.unsupported.push({ node, why: hint === undefined ? message : `${message}: ${hint}` });
      return;
    }
    this.total += 1;
    if (row.withoutEffect === null) this.applied += 1;
    else this.withoutEffect.push({ node, why: row.withoutEffect });
    // What stands in a raw block (`map`, `types`) is no directive.
    if (row.opens !== null && node.block !== null) this.level(node.block, row.opens);
  }
}

function size({ block }: DirectiveNode): number {
  return (block ?? []).reduce((sum, node) => sum + size(node), 1);
}
