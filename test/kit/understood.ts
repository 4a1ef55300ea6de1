// What a reader of HTTP/1 made of the bytes of a connection, in a form in which two readers can be
// compared. Text has one character per byte.

import type { HeaderLines } from './message.ts';

/** One message that began. */
export interface UnderstoodMessage {
  /** `GET /a 1.1`, or `1.1 200 OK`. */
  readonly start: string;
  /** Names in lower case. */
  readonly fields: HeaderLines;
  body: string;
  /** Offset of the first byte behind it; -1 while its end has not come. */
  end: number;
}

/** All of a connection, up to where it ends or cannot be read on. */
export interface Understood {
  readonly messages: UnderstoodMessage[];
  /** Why the rest is refused; null where it is not. */
  refused: string | null;
}

/** Is it the start of a response after which another one follows? */
export function isInterim(start: string): boolean {
  return /^1\.[01] 1(?!01)\d\d/.test(start);
}
