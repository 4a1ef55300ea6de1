// The files that `proxy_ssl_*` and the `ssl_*=` parameters of a server name: read through the
// configuration's sources, so that each is recorded and watched.

import { resolve } from 'node:path';
import { SallyportError } from '../base/errors.ts';
import { describeSystemError } from '../base/system-error.ts';
import type { Argument, Position } from '../config/node.ts';
import { decryptKey, readPasswords } from '../tls/encrypted-key.ts';
import type { KeyPair, PemFile } from '../tls/pem.ts';
import { readPinFile } from '../tls/pins.ts';
import type { BuildContext } from './build-context.ts';
import { enoughPins, pinFile } from './proxy-ssl-values.ts';

/** What a file of the upstream side is called in messages, in nginx's words where it has them. */
export type TlsFileKind =
  'certificate' | 'certificate key' | 'CA certificates' | 'CRL' | 'DH parameters';

/** A certificate and its key, as written. */
export interface PairArguments {
  readonly certificate: Argument;
  readonly key: Argument;
}

/**
 * Reads a PEM file relative to the configuration's folder, or the PEM after `data:` where it is a
 * certificate or key; null after a reported error.
 */
export function readTlsFile(
  argument: Argument,
  kind: TlsFileKind,
  context: BuildContext,
): PemFile | null {
  const { text, at } = argument;
  if (kind === 'certificate' || kind === 'certificate key') {
    if (text.startsWith('data:')) return { path: 'data:', pem: text.slice('data:'.length) };
    if (/^(engine|store):/.test(text)) {
      const scheme = text.slice(0, text.indexOf(':') + 1);
      context.reportOnce('error', at, `"${scheme}" is not supported: "${text}"`);
      return null;
    }
  }
  const path = resolve(context.configFolder, text);
  context.noteTlsFile(path);
  const pem = context.readText(path, at, kind);
  return pem === null ? null : { path, pem };
}

/** Reads both files, so that both are reported where they are missing. */
export function readPair(
  { certificate, key }: PairArguments,
  context: BuildContext,
): KeyPair | null {
  const certificateFile = readTlsFile(certificate, 'certificate', context);
  const keyFile = readTlsFile(key, 'certificate key', context);
  if (certificateFile === null || keyFile === null) return null;
  return { certificate: certificateFile, key: keyFile };
}

/** The pair with its key decrypted; null after an error that was reported at `at`. */
export function decryptPair(
  { certificate, key }: KeyPair,
  passwords: readonly string[],
  at: Position | null,
  context: BuildContext,
): KeyPair | null {
  try {
    return { certificate, key: decryptKey(key, passwords) };
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    context.reportOnce('error', at, thrown.message);
    return null;
  }
}

/**
 * The pins of `proxy_ssl_pin`, those in files read: two or more, or none; null after a reported
 * error.
 */
export function readPins(
  given: readonly string[],
  at: Position | null,
  context: BuildContext,
): readonly string[] | null {
  if (!given.some((one) => one.startsWith(pinFile))) return given;
  const error = (place: Position | null, message: string, hint?: string): void =>
    context.reportOnce('error', place, hint === undefined ? message : `${message}: ${hint}`);
  const all = given.map((one) =>
    one.startsWith(pinFile) ? pinsOfFile(one.slice(pinFile.length), at, context) : [one],
  );
  const read = all.filter((pins) => pins !== null);
  if (read.length < all.length) return null;
  const pins = [...new Set(read.flat())];
  return enoughPins(pins, at, { error }) ? pins : null;
}

function pinsOfFile(
  name: string,
  at: Position | null,
  context: BuildContext,
): readonly string[] | null {
  const path = resolve(context.configFolder, name);
  context.noteTlsFile(path);
  const text = context.readText(path, at, 'pins');
  if (text === null) return null;
  try {
    return readPinFile({ path, pem: text });
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    context.reportOnce('error', at, thrown.message);
    return null;
  }
}

/** The passwords of a file, empty without one; null after a reported error. */
export function readPasswordFile(
  argument: Argument | null,
  context: BuildContext,
): readonly string[] | null {
  if (argument === null) return [];
  const path = resolve(context.configFolder, argument.text);
  context.noteTlsFile(path);
  try {
    return readPasswords(context.sources.read(path).toString('utf8'));
  } catch (thrown) {
    const message = `open() "${path}" failed (${describeSystemError(thrown)})`;
    context.reportOnce('error', argument.at, message);
    return null;
  }
}
