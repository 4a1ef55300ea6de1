// What both directions leave out: fields that belong to one connection, and those that a
// configuration or a Connection field names.

import { FieldId } from '../http1/field-id.ts';

/** Fields that belong to a single connection (RFC 9110, section 7.6.1). */
export const hopByHop: readonly number[] = [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.transferEncoding,
  FieldId.trailer,
  FieldId.te,
  FieldId.upgrade,
  FieldId.proxyConnection,
];

/**
 * Is a field left out by its name?
 *
 * @param names - lower-case names that the configuration leaves out
 * @param tokens - options of Connection, in lower case
 */
export function isNamed(
  name: string,
  names: ReadonlySet<string>,
  tokens: readonly string[] | null,
): boolean {
  if (names.size === 0 && tokens === null) return false;
  const lower = name.toLowerCase();
  return names.has(lower) || tokens?.includes(lower) === true;
}
