// A certificate authority in a folder: ca.crt and ca.key, and a pair for each certificate issued.
// Keys have mode 0600; a file is written beside and renamed, so that nobody ever reads half of one.
//
//   DIR/ca.crt  DIR/ca.key  DIR/issued/NAME.crt (with its chain)  DIR/issued/NAME.key

import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { SallyportError } from '../base/errors.ts';
import { CertificateAuthority } from './authority.ts';
import type { LeafOptions, Purpose } from './certificate.ts';

/** What `list` says of a certificate. */
export interface StoredCertificate {
  readonly name: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Names as OpenSSL writes them: `DNS:a.internal, IP Address:10.0.0.1`. */
  readonly names: string;
  readonly purpose: Purpose;
  readonly notAfter: Date;
  readonly fingerprint256: string;
}

/** What a certificate is to be for. */
export interface StoreIssue {
  /** Of the files, and the common name. Letters, digits, dots, hyphens and underscores. */
  readonly name: string;
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly uri: readonly string[];
  readonly purpose: Purpose;
  /** Days of validity. */
  readonly days: number;
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** An authority whose files lie in a folder. */
export class PkiStore {
  readonly folder: string;
  readonly #authority: CertificateAuthority;

  private constructor(folder: string, authority: CertificateAuthority) {
    this.folder = folder;
    this.#authority = authority;
  }

  /**
   * Makes a new authority.
   *
   * @throws SallyportError CONFIG_INVALID where the folder has one already: its certificates would
   *   be worth nothing
   */
  static async create(
    folder: string,
    { name, days }: { readonly name: string; readonly days: number },
  ): Promise<PkiStore> {
    const files = authorityFiles(folder);
    if (fs.existsSync(files.key) || fs.existsSync(files.certificate)) {
      throw new SallyportError('CONFIG_INVALID', `there is an authority in "${folder}" already`);
    }
    fs.mkdirSync(path.join(folder, 'issued'), { recursive: true, mode: 0o700 });
    const authority = await CertificateAuthority.create({ commonName: name, days });
    write(files.key, authority.keyPem, 0o600);
    write(files.certificate, authority.certificatePem, 0o644);
    return new PkiStore(folder, authority);
  }

  /**
   * Opens the authority of a folder.
   *
   * @throws SallyportError CONFIG_FILE_UNREADABLE, CERTIFICATE_INVALID
   */
  static async open(folder: string): Promise<PkiStore> {
    const files = authorityFiles(folder);
    const [certificate, key] = [read(files.certificate), read(files.key)];
    try {
      return new PkiStore(folder, await CertificateAuthority.load(certificate, key));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SallyportError('CERTIFICATE_INVALID', `"${files.certificate}": ${why}`, error);
    }
  }

  get certificateFile(): string {
    return authorityFiles(this.folder).certificate;
  }

  /** Issues a certificate with a new key. An earlier one of the name is replaced. */
  async issue(wanted: StoreIssue): Promise<StoredCertificate> {
    const { name } = wanted;
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)) {
      const message = `"${name}" is no name for files: letters, digits, dots, hyphens, underscores`;
      throw new SallyportError('CONFIG_INVALID', message);
    }
    const { dns, ip, uri, purpose, days } = wanted;
    const leaf: LeafOptions = { commonName: name, dns, ip, uri, purpose, days };
    const issued = await this.#authority.issue(leaf);
    const files = issuedFiles(this.folder, name);
    write(files.key, issued.keyPem, 0o600);
    write(files.certificate, issued.chainPem, 0o644);
    return describe(this.folder, name);
  }

  /** Issues a certificate again: same names and purpose, new key, dates from now. */
  async renew(name: string, days: number): Promise<StoredCertificate> {
    const stored = describe(this.folder, name);
    return await this.issue({
      name,
      ...alternativeNames(stored.names),
      purpose: stored.purpose,
      days,
    });
  }

  /** All certificates that were issued, by name. */
  list(): readonly StoredCertificate[] {
    const folder = path.join(this.folder, 'issued');
    const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    return names
      .filter((file) => file.endsWith('.crt'))
      .sort()
      .map((file) => describe(this.folder, file.slice(0, -'.crt'.length)));
  }
}

interface Files {
  readonly certificate: string;
  readonly key: string;
}

function authorityFiles(folder: string): Files {
  return { certificate: path.join(folder, 'ca.crt'), key: path.join(folder, 'ca.key') };
}

function issuedFiles(folder: string, name: string): Files {
  const base = path.join(folder, 'issued', name);
  return { certificate: `${base}.crt`, key: `${base}.key` };
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const message = `cannot read "${file}" (${code}): make an authority with "sallyport pki init"`;
    throw new SallyportError('CONFIG_FILE_UNREADABLE', message, error);
  }
}

function write(file: string, text: string, mode: number): void {
  const beside = `${file}.${process.pid}.new`;
  fs.writeFileSync(beside, text, { mode, flag: 'wx' });
  fs.renameSync(beside, file);
}

function describe(folder: string, name: string): StoredCertificate {
  const files = issuedFiles(folder, name);
  const certificate = new X509Certificate(read(files.certificate));
  return {
    name,
    certificateFile: files.certificate,
    keyFile: files.key,
    names: certificate.subjectAltName ?? '',
    purpose: purposeOf(certificate.keyUsage ?? []),
    notAfter: certificate.validToDate,
    fingerprint256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

// Node lists the extended key usages under `keyUsage`, as object identifiers.
function purposeOf(usages: readonly string[]): Purpose {
  const [server, client] = [usages.includes(serverAuth), usages.includes(clientAuth)];
  if (server && client) return 'both';
  return client ? 'client' : 'server';
}

function alternativeNames(text: string): Pick<StoreIssue, 'dns' | 'ip' | 'uri'> {
  const of = (prefix: string): string[] =>
    text
      .split(', ')
      .filter((one) => one.startsWith(prefix))
      .map((one) => one.slice(prefix.length));
  return { dns: of('DNS:'), ip: of('IP Address:'), uri: of('URI:') };
}
