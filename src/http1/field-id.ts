// Known field names as small integers, so that nothing behind the parser compares names again.
// A name is found by a perfect hash of its length and three characters, then compared once.

/** Ids of the field names that some part of the proxy acts upon. 0 is every other name. */
export const FieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  contentType: 11,
  userAgent: 12,
  accept: 13,
  acceptEncoding: 14,
  acceptLanguage: 15,
  cookie: 16,
  referer: 17,
  authorization: 18,
  xForwardedFor: 19,
  ifModifiedSince: 20,
  ifNoneMatch: 21,
  range: 22,
  via: 23,
  date: 24,
  server: 25,
  location: 26,
  setCookie: 27,
  cacheControl: 28,
  expires: 29,
  etag: 30,
  lastModified: 31,
  contentEncoding: 32,
  xAccelRedirect: 33,
  xAccelExpires: 34,
  xAccelLimitRate: 35,
  xAccelBuffering: 36,
  xAccelCharset: 37,
  refresh: 38,
  vary: 39,
  acceptRanges: 40,
  contentRange: 41,
  wwwAuthenticate: 42,
  link: 43,
  xPad: 44,
  proxyAuthorization: 45,
  proxyAuthenticate: 46,
  origin: 47,
  ifUnmodifiedSince: 48,
  ifMatch: 49,
  ifRange: 50,
  http2Settings: 51,
  status: 52,
} as const;

export type FieldIdValue = (typeof FieldId)[keyof typeof FieldId];

/** The usual spelling of each known name; the index is the id. Id 0 has none. */
export const canonicalNames: readonly string[] = [
  '',
  'Host',
  'Connection',
  'Content-Length',
  'Transfer-Encoding',
  'Expect',
  'Upgrade',
  'TE',
  'Trailer',
  'Keep-Alive',
  'Proxy-Connection',
  'Content-Type',
  'User-Agent',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Cookie',
  'Referer',
  'Authorization',
  'X-Forwarded-For',
  'If-Modified-Since',
  'If-None-Match',
  'Range',
  'Via',
  'Date',
  'Server',
  'Location',
  'Set-Cookie',
  'Cache-Control',
  'Expires',
  'ETag',
  'Last-Modified',
  'Content-Encoding',
  'X-Accel-Redirect',
  'X-Accel-Expires',
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'Refresh',
  'Vary',
  'Accept-Ranges',
  'Content-Range',
  'WWW-Authenticate',
  'Link',
  'X-Pad',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'Origin',
  'If-Unmodified-Since',
  'If-Match',
  'If-Range',
  'HTTP2-Settings',
  'Status',
];

/** One more than the largest id: the length of a table by id. */
export const fieldIdCount: number = canonicalNames.length;

const longest = 19;

// Found by trying factors until no two names met; a new name may need new ones.
function slotOf(length: number, first: number, middle: number, last: number): number {
  return (length + (first | 0x20) * 23 + (last | 0x20) * 15 + (middle | 0x20)) & 255;
}

const idBySlot = new Uint8Array(256);
// Names in their usual spelling, one row of `longest` bytes an id.
const nameBytes = new Uint8Array(fieldIdCount * longest);
const nameLengths = new Uint8Array(fieldIdCount);

for (let id = 1; id < fieldIdCount; id += 1) {
  const name = canonicalNames[id] as string;
  const n = name.length;
  const slot = slotOf(n, name.charCodeAt(0), name.charCodeAt(n >> 1), name.charCodeAt(n - 1));
  if (idBySlot[slot] !== 0 || n > longest) throw new Error(`field name table: ${name}`);
  idBySlot[slot] = id;
  nameLengths[id] = n;
  for (let i = 0; i < n; i += 1) nameBytes[id * longest + i] = name.charCodeAt(i);
}

/**
 * The id of the name at input[start..end), which must hold letters, digits and "-" only: for those,
 * and only those, bit 0x20 is the difference between two spellings.
 *
 * @returns the id where the name is in its usual spelling, the negative id where only the case of
 *   letters differs, 0 for any other name
 */
export function fieldIdAt(input: Uint8Array, start: number, end: number): number {
  const n = end - start;
  const id = idBySlot[
    slotOf(n, input[start] as number, input[start + (n >> 1)] as number, input[end - 1] as number)
  ] as number;
  if (id === 0 || nameLengths[id] !== n) return 0;
  const row = id * longest;
  let differing = 0;
  for (let i = 0; i < n; i += 1) {
    differing |= (input[start + i] as number) ^ (nameBytes[row + i] as number);
  }
  if (differing === 0) return id;
  return differing === 0x20 ? -id : 0;
}

/**
 * The id of a field name in any case.
 *
 * @returns 0 if the name is not a known one
 */
export function fieldIdOf(name: string): number {
  const n = name.length;
  if (n === 0 || n > longest) return 0;
  const slot = slotOf(n, name.charCodeAt(0), name.charCodeAt(n >> 1), name.charCodeAt(n - 1));
  const id = idBySlot[slot] as number;
  if (id === 0 || nameLengths[id] !== n) return 0;
  const row = id * longest;
  for (let i = 0; i < n; i += 1) {
    if (lowerCode(name.charCodeAt(i)) !== lowerCode(nameBytes[row + i] as number)) return 0;
  }
  return id;
}

/** Lower case of an ASCII letter's code; any other code as it is. */
export function lowerCode(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}
