// How single characters are written where they may not stand as they are: in URLs, logs and JSON.
// One character is one byte, but in JSON.

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(digits, '0');
}

/** `%XX` (RFC 3986 2.1) */
export function percentEscape(character: string): string {
  return `%${hex(character, 2)}`;
}

/** `\xXX`, as nginx's logs have it. */
export function hexEscape(character: string): string {
  return `\\x${hex(character, 2)}`;
}

const jsonShort: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** As it is written within a JSON string (RFC 8259 7): the short form where it has one. */
export function jsonEscape(character: string): string {
  return jsonShort[character] ?? `\\u${hex(character, 4)}`;
}
