// Text of a peer for the log: whatever it presents, it cannot break the line, end a quotation or
// write a second sentence of ours.

/** In quotation marks; everything that is not printable ASCII, and the mark itself, as `\xHH`. */
export function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]|"/gu, escaped)}"`;
}

/** As `quoted`, and at most so many characters long, without the marks: of more, the beginning. */
export function quotedStart(text: string, limit: number): string {
  const whole = quoted(text.slice(0, limit + 1));
  return whole.length <= limit + 2 ? whole : `${whole.slice(0, limit - 2)}..."`;
}

/** A text of ours that may hold something of the peer: one line of printable ASCII. */
export function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, escaped);
}

function escaped(character: string): string {
  const hex = Buffer.from(character, 'utf8').toString('hex').toUpperCase();
  return hex.replace(/../g, '\\x$&');
}
