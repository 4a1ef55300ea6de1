// Tables of byte classes for the scanners: one load decides what a byte may be.

/** Codes that the grammar of heads is made of. */
export const Char = {
  tab: 0x09,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  hash: 0x23,
  star: 0x2a,
  slash: 0x2f,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  semicolon: 0x3b,
  question: 0x3f,
} as const;

function table(mark: (code: number, char: string) => number): Uint8Array {
  const classes = new Uint8Array(256);
  for (let code = 0; code < 256; code += 1) classes[code] = mark(code, String.fromCharCode(code));
  return classes;
}

function isAlphanumeric(char: string): boolean {
  return /^[A-Za-z0-9]$/.test(char);
}

/**
 * Classes of bytes in a field name: `plain` is what nginx takes by default, `underscore` what
 * `underscores_in_headers` adds, `odd` the rest of RFC 9110's token, 0 what no name may hold.
 */
export const NameClass = { plain: 1, underscore: 2, odd: 4 } as const;

export const nameClasses: Uint8Array = table((_code, char) => {
  if (isAlphanumeric(char) || char === '-') return NameClass.plain;
  if (char === '_') return NameClass.underscore;
  return "!#$%&'*+.^`|~".includes(char) ? NameClass.odd : 0;
});

/** 1 for bytes of a field value or reason phrase: visible, space, tab, obs-text (RFC 9110 5.5). */
export const valueClasses: Uint8Array = table((code) =>
  code === Char.tab || (code >= 0x20 && code !== 0x7f) ? 1 : 0,
);

/** 1 for bytes of a method. As in nginx: upper case letters, "_" and "-". */
export const methodClasses: Uint8Array = table((_code, char) => (/^[A-Z_-]$/.test(char) ? 1 : 0));

/** Classes of bytes in a request target: each loop goes on while the class is small enough. */
export const TargetClass = { plain: 0, question: 1, hash: 2, end: 3 } as const;

export const targetClasses: Uint8Array = table((code) => {
  if (code === Char.question) return TargetClass.question;
  if (code === Char.hash) return TargetClass.hash;
  return code <= 0x20 || code === 0x7f ? TargetClass.end : TargetClass.plain;
});

/** 1 for bytes of a registered name: RFC 3986 unreserved and sub-delims, without the comma. */
export const hostClasses: Uint8Array = table((_code, char) =>
  isAlphanumeric(char) || "-._~!$&'()*+;=".includes(char) ? 1 : 0,
);

/** Value of a hexadecimal digit, 255 for any other byte. */
export const hexValues: Uint8Array = table((_code, char) =>
  /^[0-9A-Fa-f]$/.test(char) ? Number.parseInt(char, 16) : 255,
);
