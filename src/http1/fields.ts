// The field lines of a head or trailer section, in order of arrival. Parallel arrays instead of a
// map: order and spelling stay, and a reused object allocates nothing once its arrays have grown.

import { fieldIdOf, lowerCode } from './field-id.ts';

/**
 * A list of field lines. The three arrays always have one length. Nothing is validated here: use
 * `isToken` and `isFieldValue` on what comes from outside before it is written to a socket.
 */
export class Fields {
  /** Names as received (case kept). */
  readonly names: string[];
  /** Values without surrounding white space; one character is one byte. */
  readonly values: string[];
  /** `FieldId` of each name, 0 for a name without one. */
  readonly ids: number[];

  constructor() {
    this.names = [];
    this.values = [];
    this.ids = [];
  }

  /** @param id - the name's `FieldId`; worked out from the name where it is not given */
  add(name: string, value: string, id: number = fieldIdOf(name)): void {
    this.names.push(name);
    this.values.push(value);
    this.ids.push(id);
  }

  /** The first value of a known field, null if there is none. */
  first(id: number): string | null {
    const at = this.ids.indexOf(id);
    return at < 0 ? null : (this.values[at] as string);
  }

  /**
   * The first value of any field, null if there is none.
   *
   * @param lowerName - the name in lower case
   */
  get(lowerName: string): string | null {
    const id = fieldIdOf(lowerName);
    if (id !== 0) return this.first(id);
    const names = this.names;
    for (let i = 0; i < names.length; i += 1) {
      if (sameName(names[i] as string, lowerName)) return this.values[i] as string;
    }
    return null;
  }

  /**
   * Every value of a field, in order.
   *
   * @param lowerName - the name in lower case
   */
  all(lowerName: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.names.length; i += 1) {
      if (sameName(this.names[i] as string, lowerName)) found.push(this.values[i] as string);
    }
    return found;
  }

  clear(): void {
    this.truncate(0);
  }

  /** Keeps the first `length` lines. */
  truncate(length: number): void {
    if (this.names.length <= length) return;
    this.names.length = length;
    this.values.length = length;
    this.ids.length = length;
  }
}

function sameName(name: string, lowerName: string): boolean {
  if (name.length !== lowerName.length) return false;
  for (let i = 0; i < name.length; i += 1) {
    if (lowerCode(name.charCodeAt(i)) !== lowerName.charCodeAt(i)) return false;
  }
  return true;
}
