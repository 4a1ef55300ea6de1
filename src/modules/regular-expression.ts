// Regular expressions of a configuration are written for PCRE. Where JavaScript has another meaning
// for the same text, it is rewritten, so that "location ~ \.php$" matches what it matches in nginx.

/** A pattern for `new RegExp`. */
export interface TranslatedPattern {
  readonly source: string;
  readonly flags: string;
}

/**
 * - `(?P<name>` is `(?<name>`
 * - `(?i)` at the beginning is the flag
 * - `.` matches everything but a line feed, so also a carriage return
 * - `$` also matches before a line feed at the very end
 */
export function fromPcre(pattern: string, flags: string): TranslatedPattern {
  const caseless = pattern.startsWith('(?i)');
  const text = (caseless ? pattern.slice(4) : pattern).replaceAll('(?P<', '(?<');
  let source = '';
  let inClass = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') {
      source += text.slice(at, at + 2);
      at += 1;
    } else if (inClass) {
      if (char === ']') inClass = false;
      source += char;
    } else {
      if (char === '[') inClass = true;
      source += meaning[char] ?? char;
    }
  }
  return { source, flags: caseless && !flags.includes('i') ? `${flags}i` : flags };
}

const meaning: Readonly<Record<string, string>> = { '.': '[^\\n]', $: '(?=\\n?$)' };
