// A directive is one row. Parsing, context and arity errors, default and inheritance, the type of
// the compiled value and the reference page are all derived from it. The row is also the typed key
// under which a `Scope` gives the value: `scope.get(proxyReadTimeout)` is a number.

import type { DirectiveNode, Position } from './node.ts';

/** Where a directive may stand: the names of nginx's own documentation. */
export type Context =
  | 'main'
  | 'events'
  | 'http'
  | 'upstream'
  | 'server'
  | 'location'
  | 'if-in-server'
  | 'if-in-location'
  | 'limit_except';

/** How many arguments. `max` Infinity for "1+". */
export interface Arity {
  readonly min: number;
  readonly max: number;
}

/** What a value parser may use besides the directive itself. */
export interface ParseHelp {
  /** Records an error at a place and goes on; the value then falls back to the default. */
  error(at: Position, message: string, hint?: string): void;
  warn(at: Position, message: string, hint?: string): void;
  /** A path made absolute: relative ones belong to the prefix, or to the folder of the file. */
  resolvePath(path: string, relativeTo: 'prefix' | 'configuration'): string;
}

/**
 * How the arguments become a value. Null says that an error was reported: the value falls back to
 * the default so that the rest of the configuration can still be checked.
 */
export interface ValueType<V> {
  /** For the reference page and for error hints, e.g. "a time such as 30s or 500ms". */
  readonly expects: string;
  parse(node: DirectiveNode, help: ParseHelp): V | null;
}

/**
 * One directive.
 *
 * `kind` - `single`: a second one at the same level is "duplicate"; `list`: several at one level
 * gather into an array (`proxy_set_header`); a lower level that has any replaces them all, as in
 * nginx; `block`: opens a context and gives a child `Scope` for each occurrence; `raw`: a block
 * whose content is not directives (`types`), read whole by `value.parse`.
 */
export interface DirectiveRow<V = unknown> {
  readonly name: string;
  readonly kind: 'single' | 'list' | 'block' | 'raw';
  readonly contexts: readonly Context[];
  readonly args: Arity;
  /** For a list, or a raw block that repeats: the type of one element, while V is the array. */
  readonly value: ValueType<unknown>;
  /** Value where no level sets it. */
  readonly default: V;
  /** The default as one would write it in a configuration; null where there is none. */
  readonly defaultText: string | null;
  /** Does a lower level inherit it? False for `location`, `return`, `proxy_pass`, … */
  readonly inherits: boolean;
  /** The context that a block opens. */
  readonly opens: Context | null;
  /** May it stand more than once at one level? Otherwise the second one is "duplicate". */
  readonly repeats: boolean;
  /** What it does, in one or two sentences, units included. */
  readonly help: string;
  /** How and why it differs from nginx, null where it does not. */
  readonly differs: string | null;
  /** Why it is accepted without effect here, null where it has effect. */
  readonly withoutEffect: string | null;
  /**
   * For the reference page: lines as they could stand in the innermost of `contexts`. A test parses
   * them there.
   */
  readonly example: string | null;
}

/** What the builders below take: the fields that have no obvious value. */
export interface RowSpec<V, E = V> {
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly args: number | Arity;
  readonly value: ValueType<E>;
  readonly default: V;
  readonly defaultText?: string;
  readonly inherits?: boolean;
  readonly help: string;
  readonly differs?: string;
  readonly example?: string;
}

function arity(args: number | Arity): Arity {
  return typeof args === 'number' ? { min: args, max: args } : args;
}

function makeRow<V, E>(kind: DirectiveRow['kind'], spec: RowSpec<V, E>): DirectiveRow<V> {
  return {
    name: spec.name,
    kind,
    contexts: spec.contexts,
    args: arity(spec.args),
    value: spec.value,
    default: spec.default,
    defaultText: spec.defaultText ?? null,
    inherits: spec.inherits ?? true,
    opens: null,
    repeats: kind === 'list' || kind === 'block',
    help: spec.help,
    differs: spec.differs ?? null,
    withoutEffect: null,
    example: spec.example ?? null,
  };
}

/** A directive that may be given once at each level. */
export function directive<V>(spec: RowSpec<V>): DirectiveRow<V> {
  return makeRow('single', spec);
}

/** A directive that may be repeated; its value is the array of what `value` parses. */
export function listDirective<E>(
  spec: Omit<RowSpec<readonly E[], E>, 'default'>,
): DirectiveRow<readonly E[]> {
  return makeRow<readonly E[], E>('list', { ...spec, default: [] });
}

/** A block whose content is read whole by its own parser. */
export function rawBlockDirective<V>(spec: RowSpec<V>): DirectiveRow<V> {
  return makeRow('raw', spec);
}

/** A block read whole that may be repeated, as `map`; its value is the array of what `value` parses. */
export function rawBlockListDirective<E>(
  spec: Omit<RowSpec<readonly E[], E>, 'default'>,
): DirectiveRow<readonly E[]> {
  return { ...makeRow<readonly E[], E>('raw', { ...spec, default: [] }), repeats: true };
}

const noValue: ValueType<true> = { expects: 'a block', parse: () => true };

/** A block that opens a context. With `once` a second one at the same level is "duplicate". */
export function blockDirective(spec: {
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly args: number | Arity;
  readonly opens: Context;
  readonly once?: boolean;
  readonly help: string;
  readonly example?: string;
}): DirectiveRow<true> {
  const row = makeRow<true, true>('block', { ...spec, value: noValue, default: true });
  return { ...row, opens: spec.opens, inherits: false, repeats: spec.once !== true };
}

const anyArguments: ValueType<true> = { expects: 'anything', parse: () => true };

/** A directive of nginx that makes no difference here, with the reason. */
export function withoutEffect(
  name: string,
  contexts: readonly Context[],
  args: number | Arity,
  reason: string,
): DirectiveRow<true> {
  const help = 'Accepted without effect.';
  const value = anyArguments;
  const row = makeRow('list', { name, contexts, args, value, default: true as const, help });
  return { ...row, withoutEffect: reason };
}
