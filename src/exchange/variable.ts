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
}

/** A variable with a fixed name. */
export function variable(name: string, help: string, get: Getter): VariableRow {
  return { name, family: false, bind: () => get, help };
}

/** A family of variables: `http_` gives `$http_user_agent` and all its like. */
export function variableFamily(
  prefix: string,
  help: string,
  bind: (suffix: string) => Getter,
): VariableRow {
  return { name: prefix, family: true, bind, help };
}

/** All variables of one configuration: the rows, and those that the configuration defines. */
export class VariableTable {
  readonly #rows = new Map<string, VariableRow>();
  readonly #families: VariableRow[] = [];
  readonly #slots = new Map<string, number>();

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

  /** @returns null where no such variable exists */
  find(name: string): Getter | null {
    if (/^[0-9]+$/.test(name)) return capture(Number(name));
    const key = name.toLowerCase();
    const slot = this.#slots.get(key);
    if (slot !== undefined) return (x) => x.slots?.[slot] ?? null;
    const row = this.#rows.get(key);
    if (row !== undefined) return row.bind('');
    const family = this.#families.find((one) => key.startsWith(one.name));
    return family === undefined ? null : family.bind(key.slice(family.name.length));
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
  for (const one of slots) x.slots[one.slot] = match.groups?.[one.group] ?? null;
}

/** Which slot a named group of a regular expression fills. */
export interface CaptureSlot {
  readonly group: string;
  readonly slot: number;
}
