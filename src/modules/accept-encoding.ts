// Which content codings a client takes (RFC 9110, section 12.5.3).

/**
 * Does an Accept-Encoding field name a coding, with a weight above 0? `*` does not count, as in
 * nginx: a client that knows a coding names it.
 *
 * @param field - its value; null where the client sent none
 */
export function acceptsCoding(field: string | null, coding: string): boolean {
  if (field === null) return false;
  for (const part of field.split(',')) {
    const [name = '', ...parameters] = part.split(';');
    if (name.trim().toLowerCase() !== coding) continue;
    const weight = parameters
      .map((one) => one.trim().toLowerCase())
      .find((one) => one.startsWith('q='));
    if (weight === undefined) return true;
    return /^q=(?:1|0?\.[0-9]*[1-9][0-9]*|1\.0*)$/.test(weight);
  }
  return false;
}
