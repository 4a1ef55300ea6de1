// Client certificates that variables name (`proxy_ssl_certificate $tenant.crt`): found for each
// request, kept by what the variables came to, and looked at again from time to time. A pair that has
// been good stays in use while its files are being replaced. The content of a file never shows
// anywhere but in handshakes.

import { readFileSync, statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { now } from '../base/clock.ts';
import { SallyportError } from '../base/errors.ts';
import { describeSystemError } from '../base/system-error.ts';
import type { Argument } from '../config/node.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { splitTemplate, type Template } from '../exchange/template.ts';
import { decryptKey } from '../tls/encrypted-key.ts';
import { certificateError, readKeyPair, type KeyPair, type PemFile } from '../tls/pem.ts';
import type { BuildContext } from './build-context.ts';
import { clientControlled } from './client-controlled.ts';
import type { PairArguments } from './proxy-ssl-files.ts';
import type { CertificateCacheSettings } from './proxy-ssl-values.ts';

/** One certificate and key as they are at present; another object once they have changed. */
export interface LoadedCertificate {
  readonly pair: KeyPair;
}

/** Where one half comes from. */
interface Source {
  readonly template: Template;
  /** Does the configuration itself have `..` in it? Then the variables may as well. */
  readonly climbs: boolean;
}

interface Entry {
  readonly certificate: string;
  readonly key: string;
  /** Null where it has never been good. */
  loaded: LoadedCertificate | null;
  /** Why it could not be read the last time; null where it could. */
  failure: SallyportError | null;
  /** What the files looked like at the last reading. */
  signature: string;
  checkedAt: number;
  usedAt: number;
}

/** Certificates are small; what is larger is something else. */
const longestFile = 1_048_576;

export interface VariableCertificateOptions {
  readonly pair: PairArguments;
  readonly passwords: readonly string[];
  readonly settings: CertificateCacheSettings;
  /** It is no surprise that clients choose: `ssl_certificate $ssl_server_name.crt`. */
  readonly clientsMayChoose?: boolean;
}

/** Told of what is wrong with a pair whose last good version stays in use. */
export type CertificateComplaint = (x: Exchange, message: string) => void;

/** The client certificates of one location in one worker. */
export class VariableCertificates {
  readonly #certificate: Source;
  readonly #key: Source;
  readonly #passwords: readonly string[];
  readonly #settings: CertificateCacheSettings;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();

  private constructor(options: VariableCertificateOptions, context: BuildContext) {
    this.#certificate = source(options.pair.certificate, context);
    this.#key = source(options.pair.key, context);
    this.#passwords = options.passwords;
    this.#settings = options.settings;
    this.#folder = context.configFolder;
  }

  /** Reports what is wrong with the variables, and warns of those that clients choose. */
  static compile(options: VariableCertificateOptions, context: BuildContext): VariableCertificates {
    const made = new VariableCertificates(options, context);
    if (options.clientsMayChoose === true) return made;
    for (const argument of [options.pair.certificate, options.pair.key]) warnOf(argument, context);
    return made;
  }

  /**
   * The certificate for a request; null for none, where the variables come to nothing.
   *
   * @param complain - told once where a changed pair cannot be used and the last good one stays
   * @throws SallyportError CERTIFICATE_INVALID naming the file and the reason
   */
  of(x: Exchange, complain: CertificateComplaint): LoadedCertificate | null {
    const certificate = this.#certificate.template.evaluate(x);
    if (certificate === '') return null;
    const key = this.#key.template.evaluate(x);
    const entry = this.#entry(certificate, key);
    const time = now();
    entry.usedAt = time;
    // A clock that was set back must not keep a pair for ever.
    if (Math.abs(time - entry.checkedAt) >= this.#settings.validMs) {
      entry.checkedAt = time;
      const known = entry.failure;
      this.#refresh(entry);
      if (entry.loaded !== null && entry.failure !== null && entry.failure !== known) {
        complain(x, `${entry.failure.message}; the last good certificate stays in use`);
      }
    }
    if (entry.loaded !== null) return entry.loaded;
    throw entry.failure ?? certificateError(certificate, 'it could not be read');
  }

  #entry(certificate: string, key: string): Entry {
    const name = `${certificate}\0${key}`;
    const known = this.#entries.get(name);
    if (known !== undefined) {
      // The one used last comes last.
      this.#entries.delete(name);
      this.#entries.set(name, known);
      if (now() - known.usedAt <= this.#settings.inactiveMs) return known;
    }
    this.#sweep();
    const made: Entry = {
      certificate,
      key,
      loaded: null,
      failure: null,
      signature: '',
      checkedAt: -Infinity,
      usedAt: now(),
    };
    this.#entries.set(name, made);
    return made;
  }

  #sweep(): void {
    const oldest = now() - this.#settings.inactiveMs;
    for (const [name, entry] of this.#entries) {
      if (entry.usedAt >= oldest && this.#entries.size < this.#settings.max) break;
      this.#entries.delete(name);
    }
  }

  #refresh(entry: Entry): void {
    const before = entry.signature;
    // Files that were gone are read again when they are back.
    entry.signature = '';
    try {
      const certificate = this.#locate(entry.certificate, this.#certificate);
      const key = this.#locate(entry.key, this.#key);
      entry.signature = `${signatureOf(certificate)} ${signatureOf(key)}`;
      if (entry.signature === before) return;
      const pair = {
        certificate: read(certificate),
        key: decryptKey(read(key), this.#passwords),
      };
      readKeyPair(pair);
      entry.loaded = { pair };
      entry.failure = null;
    } catch (thrown) {
      const failure = thrown instanceof SallyportError ? thrown : unexpected(entry, thrown);
      // The same failure is not told twice.
      if (failure.message !== entry.failure?.message) entry.failure = failure;
    }
  }

  // `text` has one character per byte.
  #locate(text: string, from: Source): Located {
    if (text.startsWith('data:')) {
      return { path: 'data:', data: Buffer.from(text.slice('data:'.length), 'latin1') };
    }
    const path = Buffer.from(text, 'latin1').toString('utf8');
    if (path === '') throw certificateError(path, 'there is no file name for the certificate key');
    if (path.includes('\0')) throw certificateError(visible(path), 'a file name has no NUL');
    if (!from.climbs && path.split('/').includes('..')) {
      throw certificateError(visible(path), 'a variable may not lead out of a folder with ".."');
    }
    return { path: resolve(this.#folder, path), data: null };
  }
}

interface Located {
  readonly path: string;
  /** What stands in the configuration itself. */
  readonly data: Buffer | null;
}

function source(argument: Argument, context: BuildContext): Source {
  return { template: context.template(argument), climbs: literalOf(argument).includes('..') };
}

function literalOf({ text }: Argument): string {
  try {
    return splitTemplate(text)
      .map((part) => (typeof part === 'string' ? part : '$'))
      .join('');
  } catch {
    return '';
  }
}

function warnOf(argument: Argument, context: BuildContext): void {
  if (literalOf(argument) === '') return;
  const chosen = clientControlled(argument);
  if (chosen.length === 0) return;
  context.reportOnce(
    'warning',
    argument.at,
    `the client chooses ${chosen.join(' and ')}, and so the file "${argument.text}": ` +
      'map it from a list of what is allowed',
  );
}

function signatureOf({ path, data }: Located): string {
  if (data !== null) return `data:${data.length}`;
  const found = statOf(path);
  // Reading a pipe or a device would block, or never end.
  if (!found.isFile()) throw certificateError(visible(path), 'it is no file');
  if (found.size > longestFile) throw certificateError(visible(path), 'it is too large');
  return `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`;
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw certificateError(visible(path), describeSystemError(error), error);
  }
}

function read({ path, data }: Located): PemFile {
  if (data !== null) return { path, pem: data.toString('utf8') };
  try {
    return { path: visible(path), pem: readFileSync(path, 'utf8') };
  } catch (error) {
    throw certificateError(visible(path), describeSystemError(error), error);
  }
}

function unexpected(entry: Entry, thrown: unknown): SallyportError {
  return certificateError(visible(entry.certificate), String(thrown), thrown);
}

// A name may come from a client, and goes to the log.
function visible(path: string): string {
  const name = path.startsWith('data:') ? 'data:' : path.slice(0, 1024);
  return name.replace(/[\u0000-\u001f\u007f"\\]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
