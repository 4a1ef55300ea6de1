// Variables that a block of the configuration defines (`map`, `geo`, `split_clients`): worked out
// when they are first used in a request, and kept for the rest of it. One may be made of others; if
// that never ends, the innermost is empty and the error log says so.

import type { DirectiveNode } from '../config/node.ts';
import type { ParseHelp } from '../config/row.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Getter } from '../exchange/variable.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { variableName } from './rewrite-rows.ts';

/** What a block says of its variable. */
export interface OwnVariableSpec {
  /** Without its `$`. */
  readonly name: string;
  /** Worked out anew each time that it is used. */
  readonly volatile: boolean;
  readonly node: DirectiveNode;
}

/** Variables made of each other that may be under way at a time; nginx's bound. */
const deepest = 100;

let depth = 0;
// Values of volatile variables while a cycle is left again: each would start it anew otherwise.
let leaving: Map<OwnVariable, string> | null = null;

/** A variable whose value is compiled after all names are known. */
export class OwnVariable {
  readonly #name: string;
  readonly #volatile: boolean;
  readonly #slot: number;
  #compute: (x: Exchange) => string = () => '';

  constructor(spec: OwnVariableSpec, context: BuildContext) {
    this.#name = spec.name;
    this.#volatile = spec.volatile;
    this.#slot = context.variables.defineComputed(spec.name, (x) => this.#get(x));
  }

  /** Says how its value is worked out. To be called once, before there are requests. */
  compute(how: (x: Exchange) => string): void {
    this.#compute = how;
  }

  #get(x: Exchange): string | null {
    if (leaving !== null && this.#volatile) {
      const known = leaving.get(this);
      if (known !== undefined) return known;
    }
    if (depth === deepest) {
      leaving ??= new Map();
      logCycle(x, this.#name);
      return null;
    }
    depth += 1;
    try {
      const value = this.#compute(x);
      this.#keep(x, value);
      return value;
    } finally {
      depth -= 1;
      if (depth === 0) leaving = null;
    }
  }

  #keep(x: Exchange, value: string): void {
    if (this.#volatile) {
      leaving?.set(this, value);
      return;
    }
    x.slots ??= [];
    x.slots[this.#slot] = value;
  }
}

function logCycle(x: Exchange, name: string): void {
  // In a TLS handshake there is neither location nor server, and so no log of theirs.
  if (x.location === null && !('outside' in x.server)) return;
  logError(x, 'error', `cycle while evaluating variable "${name}"`);
}

/**
 * Defines the variable of a block. Null after a reported error: it is one of the proxy's own that
 * cannot be changed.
 */
export function defineOwnVariable(
  spec: OwnVariableSpec,
  context: BuildContext,
): OwnVariable | null {
  if (context.variables.isDefinable(spec.name)) return new OwnVariable(spec, context);
  const at = spec.node.args.at(-1)?.at ?? spec.node.at;
  context.error(at, `the duplicate "${spec.name}" variable`, 'it cannot be changed');
  return null;
}

/** The name that the last argument of a block gives its variable; null after a reported error. */
export function definedName(node: DirectiveNode, help: ParseHelp): string | null {
  return argumentName(node, node.args.length - 1, help);
}

/** The variable that an argument names, without its `$`; null after a reported error. */
export function argumentName(node: DirectiveNode, index: number, help: ParseHelp): string | null {
  const argument = node.args[index];
  const name = variableName(argument?.text ?? '');
  if (name === null) {
    const message = `invalid variable name "${argument?.text ?? ''}"`;
    help.error(argument?.at ?? node.at, message, 'it begins with "$"');
  }
  return name;
}

/** A variable by name; null after a reported error. */
export function knownVariable(
  name: string,
  node: DirectiveNode,
  context: BuildContext,
): Getter | null {
  const getter = context.variables.find(name);
  if (getter === null) context.error(node.args[0]?.at ?? node.at, `unknown "${name}" variable`);
  return getter;
}
