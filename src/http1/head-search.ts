// Where the end of a head has been looked for already. A head that comes byte by byte would else be
// searched, and its limits checked, from its beginning at each read: here each byte is seen once, and
// the parser is asked only when it has something to say.

import { Char } from './char-class.ts';
import type { RequestHeadLimits } from './request-head.ts';

type HeadBounds = Pick<RequestHeadLimits, 'lineBytes' | 'totalBytes'>;

/** What comes before the second field line: the parser refuses some of it early. */
const firstLines = 3;

/** The search in one head. */
export class HeadSearch {
  #searched = 0;
  /** Where the last line begins. */
  #line = 0;
  #lines = 0;

  /**
   * Looks at what is new in the bytes of a head that was not complete at the last call.
   *
   * @param input - all bytes since the beginning of the head
   * @returns may the head be complete now, or beyond its limits? Only then it has to be parsed
   */
  concludes(input: Buffer, { lineBytes, totalBytes }: HeadBounds): boolean {
    let ended = false;
    let at = input.indexOf(Char.lf, this.#searched);
    while (at >= 0) {
      const isEmptyLine = at === this.#line + 1 && input[at - 1] === Char.cr;
      this.#lines += 1;
      if (isEmptyLine || this.#lines <= firstLines) ended = true;
      this.#line = at + 1;
      at = input.indexOf(Char.lf, at + 1);
    }
    this.#searched = input.length;
    return ended || input.length - this.#line >= lineBytes || input.length >= totalBytes;
  }
}
