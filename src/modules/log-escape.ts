// How values are escaped in log lines: `log_format … escape=`.

import { hexEscape, jsonEscape } from '../base/character-escape.ts';
import type { EscapeTable } from '../log/line-buffer.ts';

export type Escape = 'default' | 'json' | 'none';

function escapeTable(
  isUnsafe: (code: number) => boolean,
  replace: (character: string) => string,
): EscapeTable {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  return {
    unsafe: Uint8Array.from(codes, (code) => (isUnsafe(code) ? 1 : 0)),
    replacement: codes.map((code) => replace(String.fromCharCode(code))),
  };
}

const quote = 0x22;
const backslash = 0x5c;

function breaksJson(code: number): boolean {
  return code < 0x20 || code === quote || code === backslash;
}

/** What stands for a variable without value, and which bytes would break a line or its fields. */
export const escapings: Readonly<Record<Escape, { absent: string; table: EscapeTable | null }>> = {
  default: {
    absent: '-',
    table: escapeTable(
      (code) => code < 0x20 || code > 0x7e || code === quote || code === backslash,
      hexEscape,
    ),
  },
  json: { absent: '', table: escapeTable(breaksJson, jsonEscape) },
  none: { absent: '', table: null },
};

/** For JSON strings whose bytes are UTF-8. */
export const jsonTable: EscapeTable = escapeTable(breaksJson, jsonEscape);

/** For other bytes: each becomes the character of its number, so that the line stays JSON. */
export const jsonBytesTable: EscapeTable = escapeTable(
  (code) => breaksJson(code) || code > 0x7e,
  jsonEscape,
);
