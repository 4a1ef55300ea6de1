// Single characters and escapes of a PCRE pattern, written for JavaScript.

/** What is wrong with a pattern, or what in it is not possible here. */
export class PatternError extends Error {}

/** A character outside of a class. Letters match both cases where `caseless`. */
export function escapeLiteral(char: string, caseless: boolean): string {
  if (/[A-Za-z]/.test(char)) {
    return caseless ? `[${char.toLowerCase()}${char.toUpperCase()}]` : char;
  }
  if (/[\^$\\.*+?()[\]{}|/]/.test(char)) return `\\${char}`;
  return /[\x20-\x7e]/.test(char) ? char : hex(char.charCodeAt(0));
}

/** A byte as an escape. */
export function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}

/** What stands for a set of bytes: as the inside of a class, and its complement's. */
interface Shorthand {
  readonly inside: string;
  readonly outside: string;
}

/** ASCII's meaning: JavaScript's `\s` has more. */
export const shorthands: Readonly<Record<string, Shorthand>> = {
  d: { inside: '0-9', outside: '\\x00-\\x2f\\x3a-\\xff' },
  w: {
    inside: 'A-Za-z0-9_',
    outside: '\\x00-\\x2f\\x3a-\\x40\\x5b-\\x5e\\x60\\x7b-\\xff',
  },
  s: { inside: '\\t-\\r ', outside: '\\x00-\\x08\\x0e-\\x1f\\x21-\\xff' },
  h: { inside: '\\t \\xa0', outside: '\\x00-\\x08\\x0a-\\x1f\\x21-\\x9f\\xa1-\\xff' },
  v: { inside: '\\n-\\r\\x85', outside: '\\x00-\\x09\\x0e-\\x84\\x86-\\xff' },
};

const controls: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** The byte that an escape stands for; null where it is none. */
export function escapedByte(
  rest: string,
): { readonly code: number; readonly length: number } | null {
  const first = rest.charAt(0);
  const control = controls[first];
  if (control !== undefined) return { code: control, length: 1 };
  const hexadecimal = /^x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{0,2}))/.exec(rest);
  if (hexadecimal !== null) {
    const code = Number.parseInt(hexadecimal[1] ?? (hexadecimal[2] || '0'), 16);
    if (code > 255)
      throw new PatternError('characters above \\xff need UTF mode, which is not available');
    return { code, length: hexadecimal[0].length };
  }
  const octal = /^(?:0[0-7]{0,2}|[0-7]{3})/.exec(rest);
  if (octal !== null) return { code: Number.parseInt(octal[0], 8) & 255, length: octal[0].length };
  const letter = /^c([\x20-\x7e])/.exec(rest)?.[1];
  if (letter === undefined) return null;
  return { code: letter.toUpperCase().charCodeAt(0) ^ 64, length: 2 };
}

/** An escape outside of a class, without its backslash. */
export function shorthand(
  rest: string,
  caseless: boolean,
): { readonly source: string; readonly length: number } {
  const first = rest.charAt(0);
  const set = shorthands[first.toLowerCase()];
  if (set !== undefined) {
    return { source: `[${first === first.toLowerCase() ? set.inside : set.outside}]`, length: 1 };
  }
  if (first === 'R') return { source: '(?:\\r\\n|[\\n-\\r\\x85])', length: 1 };
  if (first === 'N') return { source: '[^\\n]', length: 1 };
  if (first === 'E') return { source: '', length: 1 };
  const byte = escapedByte(rest);
  if (byte !== null) {
    return { source: escapeLiteral(String.fromCharCode(byte.code), caseless), length: byte.length };
  }
  if (/[A-Za-z0-9]/.test(first)) throw new PatternError(`"\\${first}" is not available`);
  return { source: escapeLiteral(first, caseless), length: 1 };
}
