// The value of a cookie, read from the fields as nginx reads it.

/**
 * @param lines - values of the Cookie fields, in the order in which they came
 * @param lowerName - name of the cookie in lower case; case makes no difference
 * @returns null where there is none
 */
export function cookieValue(lines: readonly string[], lowerName: string): string | null {
  for (const line of lines) {
    const found = valueIn(line, lowerName);
    if (found !== null) return found;
  }
  return null;
}

// Pairs are apart by ";", and by "," where what stands before is another cookie.
function valueIn(line: string, lowerName: string): string | null {
  let at = 0;
  while (at < line.length) {
    const behind = at + lowerName.length;
    if (line.slice(at, behind).toLowerCase() === lowerName) {
      const equals = skipSpaces(line, behind);
      if (line[equals] === '=') {
        const start = skipSpaces(line, equals + 1);
        const end = line.indexOf(';', start);
        return line.slice(start, end === -1 ? undefined : end);
      }
    }
    at = nextPair(line, at);
  }
  return null;
}

function nextPair(line: string, from: number): number {
  for (let at = from; at < line.length; at += 1) {
    const char = line[at];
    if (char === ';' || char === ',') return skipSpaces(line, at + 1);
  }
  return line.length;
}

function skipSpaces(line: string, from: number): number {
  let at = from;
  while (line[at] === ' ') at += 1;
  return at;
}
