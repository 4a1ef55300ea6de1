// Text from the rows as Markdown: names set as code, what Markdown would read as markup escaped,
// lines of at most 100 columns.

/** Turns plain text into inline Markdown. */
export type Inline = (text: string) => string;

const lineLength = 100;

/**
 * @param names - words that are set as code wherever they stand
 */
export function inlineWith(names: ReadonlySet<string>): Inline {
  const plain = (text: string): string =>
    text.replace(/\$?[a-z0-9]+(?:_[a-z0-9]+)+|\$[a-z]+|[\\*_<>~[\]]/gi, (found) => {
      if (found.length === 1) return `\\${found}`;
      return names.has(found) ? `\`${found}\`` : found.replaceAll('_', '\\_');
    });
  // Rows may use backticks themselves.
  return (text) =>
    text
      .split(/(`[^`]+`)/)
      .map((part) => (part.startsWith('`') ? part : plain(part)))
      .join('');
}

/** Makes a phrase a sentence. */
export function sentence(text: string): string {
  const [word = ''] = text.split(' ');
  const start =
    word.includes('_') || word.startsWith('nginx')
      ? text
      : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** One paragraph, broken into lines. `indent` is for all lines but the first. */
export function paragraph(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +(?=(?:[^`]*`[^`]*`)*[^`]*$)/)) {
    // A line that begins with one of these would begin a list or a heading.
    const opensBlock = /^(?:[-+*]|#+|\d+[.)])$|^>/.test(word);
    if (line !== '' && line.length + 1 + word.length > lineLength && !opensBlock) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

/** One item of a list. */
export function item(text: string): string {
  return paragraph(`- ${text}`, '  ');
}

/** A numbered list. */
export function numbered(texts: readonly string[]): string {
  return texts.map((text, index) => paragraph(`${index + 1}. ${text}`, '   ')).join('\n');
}

/** Lines set as they are. */
export function codeBlock(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Blocks with an empty line between them. */
export function page(blocks: readonly string[]): string {
  return `${blocks.join('\n\n')}\n`;
}
