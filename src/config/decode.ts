// The bytes of a configuration file as text. nginx reads bytes as they are; we read UTF-8, pass over
// a byte order mark, and say so where a file is something else.

import { isUtf8 } from 'node:buffer';
import type { Diagnostics } from './diagnostic.ts';
import type { Position } from './node.ts';

/**
 * Decodes a file and attaches its lines to the diagnostics.
 *
 * @returns the text, or null where it cannot be a configuration; the error is then reported
 */
export function decodeSource(bytes: Buffer, file: string, diagnostics: Diagnostics): string | null {
  const text = new TextDecoder('utf-8').decode(bytes);
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    // Not attached: the line of a binary file helps nobody.
    diagnostics.error(
      positionOf(text, nul, file),
      'unexpected NUL byte',
      'a configuration is plain UTF-8 text; is this a binary file, or UTF-16?',
    );
    return null;
  }
  diagnostics.attachSource(file, text);
  if (!isUtf8(bytes)) {
    diagnostics.warn(
      positionOf(text, Math.max(0, text.indexOf('\ufffd')), file),
      'the file is not valid UTF-8',
      'the bytes that are not are read as U+FFFD; save the file as UTF-8',
    );
  }
  return text;
}

function positionOf(text: string, index: number, file: string): Position {
  const lines = text.slice(0, index).split('\n');
  return { file, line: lines.length, column: Array.from(lines.at(-1) ?? '').length + 1 };
}
