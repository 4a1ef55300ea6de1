// `ssl_conf_command` and `proxy_ssl_conf_command`: OpenSSL's configuration commands, translated to
// what Node's contexts can do. What they cannot is refused with the reason, never dropped.

import { constants } from 'node:crypto';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { readOptions, readProtocols, versionBits } from './conf-options.ts';
import { reasonOf } from './pem.ts';

/** What commands change in a context. What is left out stays as the other directives say. */
export interface ContextOverrides {
  /** TLS 1.3 suites by their full names, separated by `:`. */
  readonly ciphersuites?: string;
  /** The cipher string for TLS 1.2 and before. */
  readonly ciphers?: string;
  readonly groups?: string;
  readonly sigalgs?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** `SSL_OP_*` bits to set, and to clear. */
  readonly optionsOn?: number;
  readonly optionsOff?: number;
}

const suites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
];

type Reader = (value: string) => ContextOverrides | string;

// By their names in OpenSSL (SSL_CONF_cmd), which are compared in any case of letters.
const commands: Readonly<Record<string, Reader>> = {
  Ciphersuites: readSuites,
  CipherString: (ciphers) => tried({ ciphers }, { ciphers: withoutSuites(ciphers) }),
  Curves: readGroups,
  Groups: readGroups,
  SignatureAlgorithms: (sigalgs) => tried({ sigalgs }, { sigalgs }),
  MinProtocol: (value) => readVersion(value, 'minVersion', 'TLSv1'),
  MaxProtocol: (value) => readVersion(value, 'maxVersion', 'TLSv1.3'),
  Protocol: readProtocols,
  Options: readOptions,
};

/** Commands that OpenSSL has and contexts of Node have no way to: what to write instead. */
const impossible: Readonly<Record<string, string>> = {
  ClientSignatureAlgorithms: 'Node.js cannot set them apart from "SignatureAlgorithms"',
  Certificate: 'the directive for certificates does it',
  PrivateKey: 'the directive for keys does it',
  VerifyMode: 'the directive that verifies does it',
  DHParameters: 'the directive "ssl_dhparam" does it',
  ECDHParameters: 'the command "Groups" does it',
  NumTickets: 'Node.js cannot set it: TLS 1.3 clients get two tickets',
  RecordPadding: 'Node.js cannot set it',
  ServerInfoFile: 'Node.js cannot set it',
};

/**
 * Reads one command.
 *
 * @returns the reason in words where it is refused: it is unknown, its value is wrong, it cannot be
 *   done here, or it would take a protection away
 */
export function readConfCommand(name: string, value: string): ContextOverrides | string {
  const reader = find(commands, name);
  if (reader !== null) return reader(value);
  const why = find(impossible, name);
  const known = Object.keys(commands).join(', ');
  const what = why === null ? `there is no command "${name}"` : `"${name}" is not possible: ${why}`;
  return `${what}; the commands are ${known}`;
}

function find<V>(table: Readonly<Record<string, V>>, name: string): V | null {
  const lower = name.toLowerCase();
  return Object.entries(table).find(([key]) => key.toLowerCase() === lower)?.[1] ?? null;
}

function readSuites(value: string): ContextOverrides | string {
  const given = value.split(':').filter((name) => name !== '');
  if (given.length === 0) return 'it names no TLS 1.3 cipher suite';
  const unknown = given.find((name) => !suites.includes(name));
  if (unknown !== undefined) {
    return `"${unknown}" is not a TLS 1.3 cipher suite; there are ${suites.join(', ')}`;
  }
  return { ciphersuites: given.join(':') };
}

function readGroups(groups: string): ContextOverrides | string {
  return tried({ ecdhCurve: groups }, { groups });
}

// OpenSSL itself says whether it takes a list.
function tried(options: SecureContextOptions, taken: ContextOverrides): ContextOverrides | string {
  try {
    createSecureContext(options);
    return taken;
  } catch (error) {
    const [value] = Object.values(options) as string[];
    return `OpenSSL does not take "${value ?? ''}": ${reasonOf(error)}`;
  }
}

function readVersion(
  value: string,
  field: 'minVersion' | 'maxVersion',
  open: SecureVersion,
): ContextOverrides | string {
  const version = value.toLowerCase() === 'none' ? open : find(versionBits, value)?.name;
  if (version !== undefined) return { [field]: version };
  return `"${value}" is not a TLS version; there are None, ${Object.keys(versionBits).join(', ')}`;
}

/** Of two commands for one thing the later one counts, as in OpenSSL. */
export function mergeOverrides(list: readonly ContextOverrides[]): ContextOverrides {
  let on = 0;
  let off = 0;
  let merged: ContextOverrides = {};
  for (const one of list) {
    const { optionsOn = 0, optionsOff = 0, ...rest } = one;
    on = (on & ~optionsOff) | optionsOn;
    off = (off & ~optionsOn) | optionsOff;
    merged = { ...merged, ...rest };
  }
  return {
    ...merged,
    ...(on === 0 ? {} : { optionsOn: on }),
    ...(off === 0 ? {} : { optionsOff: off }),
  };
}

/** The options of a context with the commands applied; the options given stay as they are. */
export function applyOverrides<O extends SecureContextOptions>(
  options: O,
  overrides: ContextOverrides,
): O {
  const { groups, sigalgs, optionsOn = 0, optionsOff = 0 } = overrides;
  return {
    ...options,
    ...cipherOption(options, overrides),
    ...(groups === undefined ? {} : { ecdhCurve: groups }),
    ...(sigalgs === undefined ? {} : { sigalgs }),
    ...versionOptions(options, overrides),
    ...orderOption(optionsOn, optionsOff),
    secureOptions: ((options.secureOptions ?? 0) & ~optionsOff) | optionsOn,
  };
}

// Node takes both kinds of suites in one list and tells them apart by `TLS_`.
function cipherOption(
  { ciphers: before }: SecureContextOptions,
  { ciphers, ciphersuites }: ContextOverrides,
): SecureContextOptions {
  if (ciphers === undefined && ciphersuites === undefined) return {};
  const list = before ?? 'DEFAULT';
  const old = ciphers ?? (withoutSuites(list) || 'DEFAULT');
  const modern = ciphersuites ?? list.split(':').filter(isSuite).join(':');
  return { ciphers: modern === '' ? old : `${old}:${modern}` };
}

function withoutSuites(ciphers: string): string {
  const rest = ciphers.split(':').filter((name) => !isSuite(name));
  return rest.join(':');
}

function isSuite(name: string): boolean {
  return name.startsWith('TLS_');
}

function versionOptions(
  options: SecureContextOptions,
  { minVersion, maxVersion, optionsOff = 0 }: ContextOverrides,
): SecureContextOptions {
  const rows = Object.values(versionBits);
  const place = (name: string | undefined): number => rows.findIndex((row) => row.name === name);
  // "Protocol TLSv1.3" brings a version back that may lie outside the range so far.
  const back = rows.filter((row) => (optionsOff & row.off) !== 0).map((row) => place(row.name));
  const lowest = place(minVersion ?? options.minVersion ?? 'TLSv1.2');
  const highest = place(maxVersion ?? options.maxVersion ?? 'TLSv1.3');
  const first = rows[minVersion === undefined ? Math.min(lowest, ...back) : lowest];
  const last = rows[maxVersion === undefined ? Math.max(highest, ...back) : highest];
  return {
    ...(first === undefined ? {} : { minVersion: first.name }),
    ...(last === undefined ? {} : { maxVersion: last.name }),
  };
}

// Node sets this bit by an option of its own, on for servers where nothing is said.
function orderOption(on: number, off: number): SecureContextOptions {
  const bit = constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
  if ((on & bit) !== 0) return { honorCipherOrder: true };
  return (off & bit) !== 0 ? { honorCipherOrder: false } : {};
}
