// The part of `-t --deep` that looks at certificates, CAs, revocation lists and keys as files: what a
// load takes, and somebody will wonder about later.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { X509Certificate } from 'node:crypto';
import { SallyportError } from '../base/errors.ts';
import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { isCa } from '../tls/certificate-extensions.ts';
import { crlFindings, readCrls } from '../tls/crl.ts';
import { rfc2253 } from '../tls/distinguished-name.ts';
import { oneLine } from '../tls/log-text.ts';
import { readCertificates, type PemFile } from '../tls/pem.ts';
import { pickIssuer, systemTrust } from '../tls/trust-store.ts';
import type { DeepFinding } from './deep-finding.ts';

/** What a file is for. */
type FileKind = 'certificate' | 'key' | 'trust' | 'crl' | 'secret';

/** The last part of a directive's name, or the name of a parameter of `server`. */
const kinds: readonly (readonly [pattern: RegExp, kind: FileKind])[] = [
  [/(?:^|_)ssl_certificate_key$/, 'key'],
  [/(?:^|_)ssl_certificate$/, 'certificate'],
  [/(?:^|_)ssl_(?:trusted|client)_certificate$/, 'trust'],
  [/(?:^|_)ssl_crl$/, 'crl'],
  [/(?:^|_)ssl_password_file$/, 'secret'],
  [/^ssl_session_ticket_key$/, 'secret'],
];

interface NamedFile {
  readonly kind: FileKind;
  /** Absolute. */
  readonly path: string;
  readonly at: Position;
}

/** How many were looked at. */
export interface FileCounts {
  readonly certificate: number;
  readonly key: number;
  readonly trust: number;
  readonly crl: number;
}

/**
 * Looks at every file that the directives name.
 *
 * @param folder - relative paths belong to it
 */
export function checkFiles(
  nodes: readonly DirectiveNode[],
  folder: string,
): { readonly findings: readonly DeepFinding[]; readonly counts: FileCounts } {
  const files = namedFiles(nodes, folder);
  const checker = new FileChecker(files);
  const count = (kind: FileKind): number => files.filter((file) => file.kind === kind).length;
  return {
    findings: files.flatMap((file) => checker.check(file)),
    counts: {
      certificate: count('certificate'),
      key: count('key'),
      trust: count('trust'),
      crl: count('crl'),
    },
  };
}

// Each file once for each thing that it is.
function namedFiles(nodes: readonly DirectiveNode[], folder: string): readonly NamedFile[] {
  const found = new Map<string, NamedFile>();
  const add = (name: string, { text, at }: Argument): void => {
    const kind = kinds.find(([pattern]) => pattern.test(name))?.[1];
    if (kind === undefined || text === '' || /\$|^(?:data|engine|store):/.test(text)) return;
    const file = path.resolve(folder, text);
    const key = `${kind}\0${file}`;
    if (!found.has(key)) found.set(key, { kind, path: file, at });
  };
  const walk = (list: readonly DirectiveNode[]): void => {
    for (const { name, args, block } of list) {
      for (const argument of args) add(name, argument);
      if (name === 'server') {
        for (const { text, ...rest } of args) {
          const [parameter = '', ...value] = text.split('=');
          if (value.length > 0) add(parameter, { ...rest, text: value.join('=') });
        }
      }
      if (block !== null) walk(block);
    }
  };
  walk(nodes);
  return [...found.values()];
}

class FileChecker {
  /** Every CA that the configuration names. */
  readonly #authorities: readonly X509Certificate[];

  constructor(files: readonly NamedFile[]) {
    this.#authorities = files
      .filter(({ kind }) => kind === 'trust')
      .flatMap((file) => certificatesOf(file) ?? []);
  }

  check(file: NamedFile): DeepFinding[] {
    // What cannot be read or is malformed, the load has said.
    switch (file.kind) {
      case 'key':
      case 'secret':
        return modeFindings(file);
      case 'crl':
        return crlWarnings(file);
      case 'trust':
        return [...this.#trust(file), ...dateFindings(file)];
      case 'certificate':
        return [...this.#chain(file), ...dateFindings(file)];
    }
  }

  #trust(file: NamedFile): DeepFinding[] {
    return (certificatesOf(file) ?? [])
      .filter((one) => !isCa(one))
      .map((one) => {
        const selfSigned = one.subject === one.issuer;
        const text = selfSigned
          ? 'is no CA: exactly this one certificate is trusted, and a new one is not'
          : 'is no CA: nothing that it may have signed is trusted';
        const message = `"${file.path}": ${nameOf(one)} ${text}`;
        return { severity: 'warning', at: file.at, message };
      });
  }

  #chain(file: NamedFile): DeepFinding[] {
    const [leaf, ...rest] = certificatesOf(file) ?? [];
    if (leaf === undefined) return [];
    let last = leaf;
    for (const next of rest) {
      if (pickIssuer([next], last) === null) {
        const message =
          `"${file.path}": the chain breaks: ${nameOf(next)} has not issued ` + nameOf(last);
        return [{ severity: 'warning', at: file.at, message }];
      }
      last = next;
    }
    if (last.subject === last.issuer || this.#isKnown(last)) return [];
    const message =
      `"${file.path}": the chain ends at ${nameOf(last)}, and its issuer "${oneLine(rfc2253(last.issuer))}" is ` +
      "in neither a CA file of the configuration nor the system's store: an intermediate may be missing";
    return [{ severity: 'warning', at: file.at, message }];
  }

  #isKnown(last: X509Certificate): boolean {
    if (pickIssuer(this.#authorities, last) !== null) return true;
    try {
      return systemTrust().issuerOf(last) !== null;
    } catch {
      return false;
    }
  }
}

const dayMs = 86_400_000;
const warnDays = 30;

// 30 days ahead, but of a certificate that lives for less than 90 no more than a third of its life.
function dateFindings(file: NamedFile): DeepFinding[] {
  return (certificatesOf(file) ?? []).flatMap((one): DeepFinding[] => {
    const end = one.validToDate.getTime();
    const left = end - Date.now();
    const life = end - one.validFromDate.getTime();
    if (left >= Math.min(warnDays * dayMs, life / 3)) {
      if (one.validFromDate.getTime() <= Date.now()) return [];
      const message = `"${file.path}": ${nameOf(one)} is not valid before ${one.validFrom}`;
      return [{ severity: 'warning', at: file.at, message }];
    }
    const when = left < 0 ? 'has expired' : `expires in ${Math.floor(left / dayMs)} days`;
    const message = `"${file.path}": ${nameOf(one)} ${when}, on ${one.validTo}`;
    return [{ severity: 'warning', at: file.at, message }];
  });
}

function crlWarnings(file: NamedFile): DeepFinding[] {
  const pem = read(file);
  if (pem === null) return [];
  try {
    const lists = readCrls(pem);
    return crlFindings(pem, lists).map((message) => ({
      severity: 'warning',
      at: file.at,
      message,
    }));
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

function modeFindings({ path: file, at }: NamedFile): DeepFinding[] {
  let mode: number;
  try {
    mode = statSync(file).mode & 0o777;
  } catch {
    return [];
  }
  const who = (mode & 0o007) !== 0 ? 'everybody' : (mode & 0o070) !== 0 ? 'its group' : null;
  if (who === null) return [];
  const shown = mode.toString(8).padStart(4, '0');
  const message = `"${file}" is open to ${who} (mode ${shown}): chmod 600 makes it its owner's alone`;
  return [{ severity: 'warning', at, message }];
}

function read(file: NamedFile): PemFile | null {
  try {
    return { path: file.path, pem: readFileSync(file.path, 'latin1') };
  } catch {
    return null;
  }
}

function certificatesOf(file: NamedFile): readonly X509Certificate[] | null {
  const pem = read(file);
  if (pem === null) return null;
  try {
    return readCertificates(pem);
  } catch {
    return null;
  }
}

function nameOf({ subject }: X509Certificate): string {
  return `"${oneLine(rfc2253(subject))}"`;
}
