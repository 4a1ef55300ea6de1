// Pins of public keys: how they are written, and files that hold them, one in each line.

import { certificateError, type PemFile } from './pem.ts';

const pinPattern = /^sha256\/([A-Za-z0-9+/]{43}=)$/;

/** The hash of `sha256/BASE64` in its one canonical form; null where it is none. */
export function parsePin(text: string): string | null {
  const base64 = pinPattern.exec(text)?.[1];
  if (base64 === undefined) return null;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === base64 ? base64 : null;
}

/**
 * The hashes of a file, in its order. Empty lines, and what follows `#`, do not count.
 *
 * @throws SallyportError CERTIFICATE_INVALID where there is none, or a line is no pin
 */
export function readPinFile({ path, pem: text }: PemFile): readonly string[] {
  const pins: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const written = line.replace(/#.*/, '').trim();
    if (written === '') continue;
    const pin = parsePin(written);
    if (pin === null) throw certificateError(path, `line ${index + 1} is no pin (sha256/BASE64)`);
    pins.push(pin);
  }
  if (pins.length === 0) throw certificateError(path, 'there is no pin in it');
  return pins;
}
