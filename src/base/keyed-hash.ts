// SipHash-2-4 with 128 bits: what a text is known by in tables that threads share. Whoever sends
// the texts does not know the secret, and so can neither make two of them alike nor let many of
// them fall into one place of a table. In JavaScript, since for texts as short as an address it
// takes a fraction of the time of a call to OpenSSL.

// The state: four words of 64 bits, as halves.
let v0h = 0;
let v0l = 0;
let v1h = 0;
let v1l = 0;
let v2h = 0;
let v2l = 0;
let v3h = 0;
let v3l = 0;

function round(): void {
  let sum = (v0l >>> 0) + (v1l >>> 0);
  v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
  v0l = sum | 0;
  let high = (v1h << 13) | (v1l >>> 19);
  v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
  v1h = high ^ v0h;
  high = v0h;
  v0h = v0l;
  v0l = high;
  sum = (v2l >>> 0) + (v3l >>> 0);
  v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
  v2l = sum | 0;
  high = (v3h << 16) | (v3l >>> 16);
  v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
  v3h = high ^ v2h;
  sum = (v0l >>> 0) + (v3l >>> 0);
  v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
  v0l = sum | 0;
  high = (v3h << 21) | (v3l >>> 11);
  v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
  v3h = high ^ v0h;
  sum = (v2l >>> 0) + (v1l >>> 0);
  v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
  v2l = sum | 0;
  high = (v1h << 17) | (v1l >>> 15);
  v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
  v1h = high ^ v2h;
  high = v2h;
  v2h = v2l;
  v2l = high;
}

function absorb(low: number, high: number): void {
  v3l ^= low;
  v3h ^= high;
  round();
  round();
  v0l ^= low;
  v0h ^= high;
}

function four(text: string, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

// Up to seven bytes that are left, and the length.
function absorbRest(text: string, from: number): void {
  let low = 0;
  let high = (text.length & 0xff) << 24;
  for (let at = from; at < text.length; at += 1) {
    const place = at - from;
    if (place < 4) low |= text.charCodeAt(at) << (8 * place);
    else high |= text.charCodeAt(at) << (8 * (place - 4));
  }
  absorb(low, high);
}

function finish(out: Int32Array, at: number): void {
  round();
  round();
  round();
  round();
  out[at] = v0l ^ v1l ^ v2l ^ v3l;
  out[at + 1] = v0h ^ v1h ^ v2h ^ v3h;
}

/**
 * Writes the 128 bits of a text into `out`, as four words, the least significant first.
 *
 * @param text - one character per byte
 * @param secret - four words
 */
export function keyedHash(text: string, secret: Int32Array, out: Int32Array): void {
  const k0l = secret[0] ?? 0;
  const k0h = secret[1] ?? 0;
  const k1l = secret[2] ?? 0;
  const k1h = secret[3] ?? 0;
  v0h = k0h ^ 0x736f6d65;
  v0l = k0l ^ 0x70736575;
  v1h = k1h ^ 0x646f7261;
  v1l = k1l ^ 0x6e646f6d ^ 0xee;
  v2h = k0h ^ 0x6c796765;
  v2l = k0l ^ 0x6e657261;
  v3h = k1h ^ 0x74656462;
  v3l = k1l ^ 0x79746573;
  const whole = text.length & ~7;
  for (let at = 0; at < whole; at += 8) absorb(four(text, at), four(text, at + 4));
  absorbRest(text, whole);
  v2l ^= 0xee;
  finish(out, 0);
  v1l ^= 0xdd;
  finish(out, 2);
}
