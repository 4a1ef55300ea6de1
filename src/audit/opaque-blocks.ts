// Blocks in another language (`content_by_lua_block { … }`) are blanked before the configuration is
// read: their braces and quotes follow other rules. Lines and columns stay as they are.

const opening = /(^|[\s;{}])([a-z_]+_by_lua_block|js_block)(\s[^{};]*)?\{/g;

/** The text with the insides of such blocks turned into spaces. */
export function blankOpaqueBlocks(text: string): string {
  let result = '';
  let from = 0;
  opening.lastIndex = 0;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    if (isInComment(text, found.index + (found[1]?.length ?? 0))) continue;
    const start = opening.lastIndex;
    const end = endOfLua(text, start);
    result += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    from = end;
    opening.lastIndex = end;
  }
  return result + text.slice(from);
}

function isInComment(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  return /(^|\s)#/.test(line);
}

// The index of the brace that closes the block, or the end of the text.
function endOfLua(text: string, start: number): number {
  let depth = 1;
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '{') depth += 1;
    else if (char === '}') {
      depth -= 1;
      if (depth === 0) return at;
    } else if (char === '"' || char === "'") {
      at = endOfString(text, at, char);
      continue;
    } else if (text.startsWith('--', at)) {
      at = endOfComment(text, at + 2);
      continue;
    } else if (char === '[') {
      const long = endOfLongBracket(text, at);
      if (long !== null) {
        at = long;
        continue;
      }
    }
    at += 1;
  }
  return text.length;
}

function endOfString(text: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== quote && text.charAt(at) !== '\n') {
    at += text.charAt(at) === '\\' ? 2 : 1;
  }
  return at + 1;
}

function endOfComment(text: string, start: number): number {
  const long = text.charAt(start) === '[' ? endOfLongBracket(text, start) : null;
  if (long !== null) return long;
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}

// "[[ … ]]", "[==[ … ]==]"; null where it is another bracket.
function endOfLongBracket(text: string, start: number): number | null {
  const opened = /^\[(=*)\[/.exec(text.slice(start, start + 64));
  if (opened === null) return null;
  const end = text.indexOf(`]${opened[1] ?? ''}]`, start);
  return end === -1 ? text.length : end + (opened[1]?.length ?? 0) + 2;
}
