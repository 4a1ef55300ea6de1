// Sizes as nginx writes them: a whole number with an optional unit. Used by value types of
// directives and by `key=value` parameters such as `zone=name:10m`.

const sizePattern = /^(\d+)([kKmM]?)$/;
const offsetPattern = /^(\d+)([kKmMgG]?)$/;

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 * 1024,
  g: 1024 * 1024 * 1024,
};

function parseWith(pattern: RegExp, text: string): number | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * (factors[(match[2] ?? '').toLowerCase()] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/**
 * Reads a size in memory: `512`, `8k`, `1m`. nginx knows no `g` here.
 *
 * @returns bytes, or null where the text is no size or too large to count exactly
 */
export function parseSize(text: string): number | null {
  return parseWith(sizePattern, text);
}

/**
 * Reads an offset, that is the size of a body or file: as a size, and `g` too.
 *
 * @returns bytes, or null where the text is no offset or too large to count exactly
 */
export function parseOffset(text: string): number | null {
  return parseWith(offsetPattern, text);
}
