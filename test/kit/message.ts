// Reads HTTP/1 messages out of bytes, on both ends of a proxy under test. It is tolerant where the
// proxy must be strict: bare LF, odd header lines and wrong lengths are handed on as they came, so
// that a test sees what was really sent. It shares no code with the proxy's own codec.

/** Header lines in the order and case in which they came. */
export type HeaderLines = (readonly [name: string, value: string])[];

/** The start line and header lines of a message. */
export interface Head {
  readonly startLine: string;
  readonly headers: HeaderLines;
  /** The exact bytes up to and with the empty line. */
  readonly raw: Buffer;
}

/** How the end of a body is known (RFC 9112, 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

/** A body that has come completely. */
export interface Body {
  /** The content, chunked coding undone. */
  readonly content: Buffer;
  readonly trailers: HeaderLines;
  /** Offset of the first byte behind it. */
  readonly end: number;
}

/** Says how many bytes there must be at least before another try makes sense. */
export interface Incomplete {
  readonly atLeast: number;
}

// Bounds the search where a large body follows; no test sends a longer head.
const longestHead = 1 << 20;

/** Reads a head at the start of `bytes`; null where its empty line has not come yet. */
export function readHead(bytes: Buffer): Head | null {
  const text = bytes.toString('latin1', 0, longestHead);
  const leading = /^(?:\r?\n)*/.exec(text)?.[0].length ?? 0;
  const match = /\r?\n\r?\n/.exec(text.slice(leading));
  if (match === null) return null;
  const length = leading + match.index + match[0].length;
  const [startLine = '', ...lines] = text.slice(leading, leading + match.index).split(/\r?\n/);
  return { startLine, headers: lines.map(splitLine), raw: bytes.subarray(0, length) };
}

/** The first value of a header, whatever its case; undefined where there is none. */
export function headerValue(headers: HeaderLines, name: string): string | undefined {
  return headerValues(headers, name)[0];
}

/** All values of a header, in order. */
export function headerValues(headers: HeaderLines, name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/** Framing by the headers alone; `otherwise` where they say nothing. */
export function framingOf(headers: HeaderLines, otherwise: Framing): Framing {
  if (headerValues(headers, 'transfer-encoding').some((value) => /chunked/i.test(value))) {
    return { kind: 'chunked' };
  }
  const length = headerValue(headers, 'content-length');
  if (length === undefined || !/^\d+$/.test(length)) return otherwise;
  return { kind: 'length', length: Number(length) };
}

/** Reads a body that begins at `from`. `ended`: nothing more will come. */
export function readBody(
  bytes: Buffer,
  from: number,
  framing: Framing,
  ended: boolean,
): Body | Incomplete {
  switch (framing.kind) {
    case 'none':
      return { content: Buffer.alloc(0), trailers: [], end: from };
    case 'close':
      if (!ended) return { atLeast: Infinity };
      return { content: bytes.subarray(from), trailers: [], end: bytes.length };
    case 'length': {
      const end = from + framing.length;
      if (bytes.length < end) return { atLeast: end };
      return { content: bytes.subarray(from, end), trailers: [], end };
    }
    case 'chunked':
      return readChunks(bytes, from);
  }
}

function readChunks(bytes: Buffer, from: number): Body | Incomplete {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd < 0) return { atLeast: bytes.length + 1 };
    const size = parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`not a chunk size at offset ${at}`);
    at = lineEnd + 1;
    if (size === 0) return readTrailers(bytes, at, Buffer.concat(parts));
    if (bytes.length < at + size + 2) return { atLeast: at + size + 2 };
    parts.push(bytes.subarray(at, at + size));
    at = bytes.indexOf(10, at + size) + 1;
  }
}

function readTrailers(bytes: Buffer, from: number, content: Buffer): Body | Incomplete {
  const trailers: HeaderLines = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd < 0) return { atLeast: bytes.length + 1 };
    const line = bytes.toString('latin1', at, lineEnd).replace(/\r$/, '');
    at = lineEnd + 1;
    if (line === '') return { content, trailers, end: at };
    trailers.push(splitLine(line));
  }
}

function splitLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}
