// Value types of `proxy_ssl_*` rows: pins, wanted names, commands of OpenSSL, the cache.

import { parseSeconds } from '../base/duration.ts';
import type { Argument, Position } from '../config/node.ts';
import type { ValueType } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import type { ContextOverrides } from '../tls/conf-command.ts';
import { readConfCommand } from '../tls/conf-command.ts';
import { parsePin } from '../tls/pins.ts';
import { parseWantedSan, type WantedSan } from '../tls/wanted-san.ts';

/** The one argument as written, with its place; perhaps with variables. */
export function oneArgument(expects: string): ValueType<Argument> {
  return custom(expects, (node) => node.args[0] ?? null);
}

/** Paths, with their places; an empty one alone takes back what a level above says. */
export const fileList: ValueType<readonly Argument[]> = custom('paths of files', (node) =>
  node.args.filter(({ text }) => text !== ''),
);

export const pinHint =
  'a pin is "sha256/" and the base64 of the SHA-256 of a public key: ' +
  'openssl pkey -in KEY -pubout -outform der | openssl dgst -sha256 -binary | base64';

/** Says so where fewer than two keys are pinned: it would be a trap for its own owner. */
export function enoughPins<P extends Position | null>(
  pins: readonly string[],
  at: P,
  help: { error(at: P, message: string, hint?: string): void },
): boolean {
  if (new Set(pins).size >= 2) return true;
  help.error(
    at,
    'one pin alone is refused: once its key has to be replaced, no connection would be possible',
    'add the pin of a backup key that is kept elsewhere, or of the CA',
  );
  return false;
}

/** What a pin begins with that is the name of a file. */
export const pinFile = 'file:';

/** Two or more pins, or `off`. Those that begin with `file:` name files, still to be read. */
export const pinList: ValueType<readonly string[]> = custom(
  'two or more of sha256/BASE64, file:PATH, or "off"',
  (node, help) => {
    if (isOff(node.args)) return [];
    const pins: string[] = [];
    let valid = true;
    for (const { text, at } of node.args) {
      const isFile = text.startsWith(pinFile) && text.length > pinFile.length;
      const pin = isFile ? text : parsePin(text);
      if (pin === null) {
        help.error(at, `invalid pin "${text}" in "${node.name}" directive`, pinHint);
        valid = false;
      } else if (pins.includes(pin)) help.warn(at, `duplicate pin "${text}"`);
      else pins.push(pin);
    }
    const at = node.args[0]?.at ?? node.at;
    if (!valid) return null;
    const inFiles = pins.some((pin) => pin.startsWith(pinFile));
    return inFiles || enoughPins(pins, at, help) ? pins : null;
  },
);

/** Names that a certificate may have, or `off`. */
export const sanList: ValueType<readonly WantedSan[]> = custom(
  'one or several of dns:NAME, ip:ADDRESS and uri:URI, or "off"',
  (node, help) => {
    if (isOff(node.args)) return [];
    const sans: WantedSan[] = [];
    let valid = true;
    for (const { text, at } of node.args) {
      const san = parseWantedSan(text);
      if (typeof san === 'string') {
        help.error(at, `invalid name "${text}" in "${node.name}" directive: ${san}`);
        valid = false;
      } else sans.push(san);
    }
    return valid ? sans : null;
  },
);

function isOff(args: readonly Argument[]): boolean {
  return args.length === 1 && args[0]?.text.toLowerCase() === 'off';
}

/** A command of OpenSSL and its value, translated. */
export const confCommand: ValueType<ContextOverrides> = custom(
  "a command of OpenSSL's SSL_CONF_cmd, and its value",
  (node, help) => {
    const [name, value] = node.args;
    const read = readConfCommand(name?.text ?? '', value?.text ?? '');
    if (typeof read !== 'string') return read;
    const command = `"${name?.text ?? ''}", "${value?.text ?? ''}"`;
    help.error(name?.at ?? node.at, `SSL_CONF_cmd(${command}) failed: ${read}`);
    return null;
  },
);

/** How many certificates that variables name are kept, and how long. Times are milliseconds. */
export interface CertificateCacheSettings {
  readonly max: number;
  /** Unused for longer than this, an entry goes. */
  readonly inactiveMs: number;
  /** For so long an entry is used without a look at its files. */
  readonly validMs: number;
}

/** Without a cache of the configuration's own: what connections in use need, looked at each second. */
export const defaultCertificateCache: CertificateCacheSettings = {
  max: 64,
  inactiveMs: 600_000,
  validMs: 1000,
};

/** `off`, or `max=N [inactive=TIME] [valid=TIME]`: as nginx reads it. */
export const certificateCache: ValueType<CertificateCacheSettings> = custom(
  '"off", or max=N, perhaps with inactive=TIME and valid=TIME',
  (node, help) => {
    if (isOff(node.args)) return defaultCertificateCache;
    const found = { max: 0, inactive: 10, valid: 60 };
    for (const { text, at } of node.args) {
      if (readCacheParameter(text, found)) continue;
      help.error(at, `invalid parameter "${text}"`);
      return null;
    }
    if (found.max === 0) {
      help.error(node.at, `"${node.name}" must have the "max" parameter`);
      return null;
    }
    const { max, inactive, valid } = found;
    return { max, inactiveMs: inactive * 1000, validMs: valid * 1000 };
  },
);

function readCacheParameter(
  text: string,
  found: { max: number; inactive: number; valid: number },
): boolean {
  const [, name, value = ''] = /^(max|inactive|valid)=(.*)$/.exec(text) ?? [];
  if (name === 'max') {
    found.max = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    return found.max > 0;
  }
  const seconds = parseSeconds(value);
  if (seconds === null) return false;
  if (name === 'inactive') found.inactive = seconds;
  else if (name === 'valid') found.valid = seconds;
  else return false;
  return true;
}
