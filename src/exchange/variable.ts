// A variable is one row. `$name` in a configuration becomes the row's getter once, at load.

import type { Exchange } from './exchange.ts';

/** Null: the variable has no value, which is empty in a string and "-" in a log. */
export type Getter = (x: Exchange) => string | null;

/** One variable, or a family of them (`http_*`), which ends in "_". */
export interface VariableRow {
  readonly name: string;
  readonly family: boolean;
  /** For a family, `suffix` is what follows the prefix. */
  bind(suffix: string): Getter;
  readonly help: string;
  /** What `set` does to it; without it, `set` is refused. */
  readonly assign?: Assign;
  /** Members of a family, by suffix, that the configuration cannot define. The others it can. */
  readonly fixed?: readonly string[];
}

/** Gives a variable another value for the rest of the request. */
export type Assign = (x: Exchange, value: string) => void;

/** A variable with a fixed name. */
export function variable(name: string, help: string, get: Getter): VariableRow {
  return { name, family: false, bind: () => get, help };
}

/** A variable that `set` can change. */
export function settableVariable(
  name: string,
  help: string,
  access: { readonly get: Getter; readonly assign: Assign },
): VariableRow {
  return { ...variable(name, help, access.get), assign: access.assign };
}

/** A family of variables: `http_` gives `$http_user_agent` and all its like. */
export function variableFamily(
  prefix: string,
  help: string,
  bind: (suffix: string) => Getter,
  fixed: readonly string[] = [],
): VariableRow {
  return { name: prefix, family: true, bind, help, fixed };
}

/** All variables of one configuration: the rows, and those that the configuration defines. */
export class VariableTable {
  readonly #rows = new Map<string, VariableRow>();
  readonly #families: VariableRow[] = [];
  readonly #slots = new Map<string, number>();
  readonly #computed = new Map<string, Getter>();

  constructor(rows: readonly VariableRow[]) {
    for (const row of rows) {
      if (row.family) this.#families.push(row);
      else this.#rows.set(row.name, row);
    }
    this.#families.sort((a, b) => b.name.length - a.name.length);
  }

  /** Number of slots that an exchange needs for variables of the configuration's own. */
  get slotCount(): number {
    return this.#slots.size;
  }

  /** Defines a variable of the configuration's own (a named capture) and gives its slot. */
  define(name: string): number {
    const key = name.toLowerCase();
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#slots.size;
    this.#slots.set(key, slot);
    return slot;
  }

  /**
   * Defines a variable with a getter of its own (`map`, `set`). Its value may also lie in its slot,
   * which goes first.
   */
  defineComputed(name: string, get: Getter): number {
    this.#computed.set(name.toLowerCase(), get);
    return this.define(name);
  }

  /** How `set` changes a variable: null where it is one that cannot be changed. */
  assigner(name: string): Assign | null {
    const key = name.toLowerCase();
    const row = this.#rows.get(key);
    if (row !== undefined) return row.assign ?? null;
    if (!this.isDefinable(key)) return null;
    const slot = this.#slots.get(key) ?? this.#defineMember(key);
    return (x, value) => {
      x.slots ??= [];
      x.slots[slot] = value;
    };
  }

  /** @returns null where no such variable exists */
  find(name: string): Getter | null {
    if (/^[0-9]+$/.test(name)) return capture(Number(name));
    const key = name.toLowerCase();
    const slot = this.#slots.get(key);
    if (slot !== undefined) {
      const computed = this.#computed.get(key);
      if (computed === undefined) return (x) => x.slots?.[slot] ?? null;
      return (x) => x.slots?.[slot] ?? computed(x);
    }
    const row = this.#rows.get(key);
    if (row !== undefined) return row.bind('');
    const family = this.#familyOf(key);
    return family === undefined ? null : family.bind(key.slice(family.name.length));
  }

  // A member of a family (`set $http_x …`) keeps its own value until another one is set.
  #defineMember(key: string): number {
    const family = this.#familyOf(key);
    if (family === undefined) return this.define(key);
    return this.defineComputed(key, family.bind(key.slice(family.name.length)));
  }

  #familyOf(key: string): VariableRow | undefined {
    return this.#families.find((one) => key.startsWith(one.name));
  }

  /** May the configuration define it? Not where it is one of ours that cannot be changed. */
  isDefinable(name: string): boolean {
    const key = name.toLowerCase();
    const row = this.#rows.get(key);
    if (row !== undefined) return row.assign !== undefined;
    const family = this.#familyOf(key);
    return family?.fixed?.includes(key.slice(family.name.length)) !== true;
  }

  /** Is it one of ours, or a member of a family of them? */
  isBuiltIn(name: string): boolean {
    const key = name.toLowerCase();
    return /^[0-9]+$/.test(key) || this.#rows.has(key) || this.#familyOf(key) !== undefined;
  }

  /** Is it one that the configuration defines, rather than a row? */
  isOwn(name: string): boolean {
    return this.#slots.has(name.toLowerCase());
  }

  /** Every name, for suggestions after a typo. */
  names(): string[] {
    return [...this.#rows.keys(), ...this.#slots.keys(), ...this.#families.map((row) => row.name)];
  }
}

function capture(index: number): Getter {
  return (x) => x.captures?.[index] ?? null;
}

/** Puts the named groups of a match into their slots, and keeps the match for `$1`. */
export function keepCaptures(
  x: Exchange,
  match: RegExpExecArray,
  slots: readonly CaptureSlot[],
): void {
  x.captures = match;
  if (slots.length === 0) return;
  x.slots ??= [];
  for (const one of slots) x.slots[one.slot] = match.groups?.[one.group] ?? '';
}

/** Which slot a named group of a regular expression fills. */
export interface CaptureSlot {
  readonly group: string;
  readonly slot: number;
}
