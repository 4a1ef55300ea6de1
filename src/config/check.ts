// The tree against the rows: every directive is known, allowed where it stands, has the right number
// of arguments and a valid value. Gives the scopes from which everything else is compiled.

import { resolve } from 'node:path';
import { DirectiveIndex, type ForeignDirectives } from './directive-index.ts';
import { formatPosition, type Diagnostics } from './diagnostic.ts';
import { splitAtMissingSemicolon } from './missing-semicolon.ts';
import type { DirectiveNode } from './node.ts';
import type { Arity, Context, DirectiveRow, ParseHelp } from './row.ts';
import { Scope } from './scope.ts';

export type { ForeignDirective, ForeignDirectives } from './directive-index.ts';

export interface CheckOptions {
  /** Every directive that there is. */
  readonly rows: readonly DirectiveRow[];
  /** nginx's directives; those without a row are "not supported" rather than "unknown". */
  readonly foreign: ForeignDirectives;
  /** Gets every error; if `errorCount` is not 0 afterwards, the scopes must not be used to run. */
  readonly diagnostics: Diagnostics;
  /** Absolute folder that relative paths of directives belong to. */
  readonly prefix: string;
  /** Absolute folder of the configuration file, to which other relative paths belong. */
  readonly configFolder: string;
}

/**
 * Checks a parsed configuration and evaluates all values. A value with an error counts as not set.
 *
 * @returns the scope of the main context
 * @throws SallyportError INTERNAL - if two rows claim one name in one context
 */
export function checkConfiguration(nodes: readonly DirectiveNode[], options: CheckOptions): Scope {
  const { diagnostics } = options;
  const main = new Scope({ context: 'main', node: null, parent: null, diagnostics });
  new Checker(options).level(nodes, main);
  return main;
}

class Checker {
  readonly #diagnostics: Diagnostics;
  readonly #index: DirectiveIndex;
  readonly #help: ParseHelp;
  /** Where rows stand that may stand once, by scope: also where the value was no good. */
  readonly #seen = new Map<Scope, Map<DirectiveRow, DirectiveNode>>();

  constructor(options: CheckOptions) {
    const { diagnostics } = options;
    this.#diagnostics = diagnostics;
    this.#index = new DirectiveIndex(options.rows, options.foreign);
    this.#help = {
      error: (at, message, hint) => diagnostics.error(at, message, hint),
      warn: (at, message, hint) => diagnostics.warn(at, message, hint),
      resolvePath: (path, relativeTo) =>
        resolve(relativeTo === 'prefix' ? options.prefix : options.configFolder, path),
    };
  }

  level(nodes: readonly DirectiveNode[], scope: Scope): void {
    for (const node of nodes) this.#directive(node, scope);
  }

  #directive(node: DirectiveNode, scope: Scope): void {
    const row = this.#index.find(node.name, scope.context);
    if (row === null) {
      // What stands in its block is not looked at: it would only give errors that follow from this.
      const problem = this.#index.problem(node.name, scope.context);
      this.#diagnostics.error(node.at, problem.message, problem.hint);
      return;
    }
    const problem = shapeProblem(node, row);
    if (problem !== null) this.#misshapen(node, { row, scope, problem });
    else if (!this.#isDuplicate(node, row, scope)) this.#accept(node, row, scope);
  }

  // Often a `;` is missing and the next directive was read as arguments: then both are checked.
  #misshapen(
    node: DirectiveNode,
    found: { row: DirectiveRow; scope: Scope; problem: ShapeProblem },
  ): void {
    const { row, scope, problem } = found;
    const knows = (name: string): boolean => this.#index.knows(name, scope.context);
    const split = takesBlock(row) ? null : splitAtMissingSemicolon(node, knows);
    if (split === null) {
      this.#diagnostics.error(node.at, problem.message, problem.hint);
      return;
    }
    const hint = `";" is missing at the end of line ${split.line}`;
    this.#diagnostics.error(node.at, problem.message, hint);
    if (shapeProblem(split.first, row) === null) this.#directive(split.first, scope);
    this.#directive(split.second, scope);
  }

  #isDuplicate(node: DirectiveNode, row: DirectiveRow, scope: Scope): boolean {
    if (row.repeats) return false;
    let seen = this.#seen.get(scope);
    if (seen === undefined) {
      seen = new Map();
      this.#seen.set(scope, seen);
    }
    const first = seen.get(row);
    if (first === undefined) {
      seen.set(row, node);
      return false;
    }
    const hint = `the first one is in ${formatPosition(first.at)}`;
    this.#diagnostics.error(node.at, `"${node.name}" directive is duplicate`, hint);
    return true;
  }

  #accept(node: DirectiveNode, row: DirectiveRow, scope: Scope): void {
    if (row.kind === 'raw') {
      const nested = node.block?.find((child) => child.block !== null);
      if (nested !== undefined) {
        this.#diagnostics.error(nested.at, 'unexpected "{"', `"${row.name}" has no blocks inside`);
        return;
      }
    }
    const value = row.value.parse(node, this.#help);
    if (value !== null) scope.put(row, value, node);
    if (row.opens !== null && node.block !== null)
      this.#block(node, { row, scope, opens: row.opens });
  }

  #block(node: DirectiveNode, found: { row: DirectiveRow; scope: Scope; opens: Context }): void {
    const { row, scope, opens } = found;
    const { diagnostics } = scope;
    const child = new Scope({ context: opens, node, parent: scope, diagnostics });
    scope.putBlock(row, child);
    this.level(node.block ?? [], child);
  }
}

interface ShapeProblem {
  readonly message: string;
  readonly hint: string;
}

// In nginx's order: first how it ends, then the number of arguments.
function shapeProblem(node: DirectiveNode, row: DirectiveRow): ShapeProblem | null {
  const { name } = node;
  if (takesBlock(row) && node.block === null) {
    return { message: `directive "${name}" has no opening "{"`, hint: 'it is a block: { … }' };
  }
  if (!takesBlock(row) && node.block !== null) {
    const message = `directive "${name}" is not terminated by ";"`;
    return { message, hint: 'it is no block, and ends with ";"' };
  }
  const count = node.args.length;
  if (count >= row.args.min && count <= row.args.max) return null;
  return {
    message: `invalid number of arguments in "${name}" directive`,
    hint: arityHint(row, count),
  };
}

function takesBlock(row: DirectiveRow): boolean {
  return row.kind === 'block' || row.kind === 'raw';
}

function arityHint(row: DirectiveRow, count: number): string {
  const expects = row.kind !== 'block' && row.args.max === 1 ? `: ${row.value.expects}` : '';
  return `"${row.name}" takes ${arityText(row.args)}${expects}; here it has ${count}`;
}

function arityText({ min, max }: Arity): string {
  if (max === 0) return 'no arguments';
  if (max === Infinity) return `at least ${min === 1 ? '1 argument' : `${min} arguments`}`;
  if (min === max) return min === 1 ? '1 argument' : `${min} arguments`;
  return `${min} to ${max} arguments`;
}
