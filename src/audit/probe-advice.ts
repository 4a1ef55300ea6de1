// From the trial that passed to the lines that a human writes: only what differs from what stands
// there, in the place where it belongs.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { X509Certificate } from 'node:crypto';
import { issuerUrls, publicKeyOf, spkiPin } from '../tls/certificate-extensions.ts';
import { plainHex } from '../tls/certificate-facts.ts';
import { rfc2253 } from '../tls/distinguished-name.ts';
import { sanText } from '../tls/wanted-san.ts';
import { sslDirective } from './hops.ts';
import type { Dialect, Hop, HopServer } from './model.ts';
import type { ProbeAdvice } from './probe-model.ts';
import { presentedPath, type Trial } from './probe-repairs.ts';
import { savedName } from './probe-save.ts';
import type { SearchEnd } from './probe-search.ts';
import type { ProbeBase } from './probe-settings.ts';

/** Where the lines are to stand. */
export interface AdvicePlace {
  readonly hop: Hop;
  readonly server: HopServer;
  readonly dialect: Dialect;
  /** Where `--save-ca` puts files; null: nothing is saved. */
  readonly saveFolder: string | null;
}

/** The lines with which a server verifies, or would. */
export function adviceFor(end: SearchEnd, base: ProbeBase, place: AdvicePlace): ProbeAdvice | null {
  if (end.found === null) return null;
  return new AdviceWriter(end, end.found, base, place).write();
}

class AdviceWriter {
  readonly #end: SearchEnd;
  readonly #found: Trial;
  readonly #base: ProbeBase;
  readonly #place: AdvicePlace;
  readonly #directives: string[] = [];
  /** Parameters of the group's `server` line. */
  readonly #parameters: string[] = [];
  readonly #needs: string[] = [];

  constructor(end: SearchEnd, found: Trial, base: ProbeBase, place: AdvicePlace) {
    this.#end = end;
    this.#found = found;
    this.#base = base;
    this.#place = place;
  }

  write(): ProbeAdvice {
    if (this.#place.hop.verification !== 'on') this.#say('verify', 'on');
    this.#trust();
    this.#name();
    this.#limits();
    this.#offer();
    this.#clientCertificate();
    return {
      directives: this.#directives,
      serverLine: serverLine(this.#place.server, this.#parameters),
      needs: this.#needs,
      proved: this.#end.missing === null && !this.#end.needsClientCertificate,
    };
  }

  #say(rest: string, ...values: readonly string[]): void {
    const name = sslDirective(this.#place.hop.kind, rest);
    this.#directives.push(`${name} ${values.map(quotedIfNeeded).join(' ')};`);
  }

  // Servers of one group may differ in it: then it belongs to the server's line, which nginx lacks.
  #sayOfServer(rest: string, value: string): void {
    const { hop, dialect } = this.#place;
    const several = dialect === 'sallyport' && hop.group !== null && hop.servers.length > 1;
    if (several) this.#parameters.push(`ssl_${rest}=${value}`);
    else this.#say(rest, value);
  }

  #trust(): void {
    const { missing, look } = this.#end;
    const trusted = this.#found.settings.trusted;
    const before = this.#base.settings.trusted;
    if (missing !== null) this.#missingCa(missing.below);
    else if (trusted?.path === presentedPath) {
      const top = look.chain.at(-1);
      if (top !== undefined) this.#presentedCa(top);
    } else if (trusted === null && before !== null) this.#systemInstead();
    else if (trusted === null && !this.#base.trustGiven) this.#systemBundle();
  }

  #systemInstead(): void {
    if (this.#place.dialect === 'nginx') this.#systemBundle();
    else {
      this.#sayOfServer('trusted_certificate', bundle());
      this.#needs.push("its CA is in the system's trust store, not in the configured file");
    }
  }

  #systemBundle(): void {
    this.#say('trusted_certificate', bundle());
  }

  #presentedCa(top: X509Certificate): void {
    this.#sayOfServer('trusted_certificate', this.#fileFor(top));
    const fingerprint = plainHex(top.fingerprint256);
    this.#needs.push(
      `the file must hold the certificate "${rfc2253(top.subject)}" that the server presented ` +
        `(sha256 ${fingerprint}): compare the fingerprint with one from its owner before you trust it`,
    );
  }

  #missingCa(below: X509Certificate): void {
    const issuer = rfc2253(below.issuer);
    const before = this.#base.settings.trusted;
    const file = before?.path ?? placeholder(below.issuer);
    this.#sayOfServer('trusted_certificate', file);
    const urls = issuerUrls(below);
    const where = urls.length === 0 ? 'get it from whoever runs that CA' : urls.join(' or ');
    this.#needs.push(
      `"${file}" must hold the certificate of "${issuer}"` +
        `${before === null ? '' : ' as well'} (${where}), and those above it up to the root: compare ` +
        'its fingerprint with one from its owner before you trust it',
    );
    if (this.#end.look.chain.length === 1) {
      this.#needs.push(`if "${issuer}" is an intermediate CA, the server should send it itself`);
    }
  }

  #fileFor(top: X509Certificate): string {
    const folder = this.#place.saveFolder;
    if (folder === null) return placeholder(top.subject);
    return path.resolve(folder, savedName(this.#place.server.address));
  }

  #name(): void {
    const { name, sendName, settings } = this.#found;
    if (sendName !== this.#base.sendName) this.#say('server_name', sendName ? 'on' : 'off');
    if (name !== this.#base.name) {
      this.#sayOfServer('name', name);
      this.#doubt(name);
    }
    const { sans, verifyCommonName } = settings;
    if (verifyCommonName !== this.#base.settings.verifyCommonName) this.#say('verify_cn', 'on');
    if (sans !== this.#base.settings.sans) {
      this.#say('san', ...sans.map(sanText));
      this.#doubt(sans.map(sanText).join(' '));
    }
  }

  // The name of whoever answers is not proof that this is who was meant.
  #doubt(name: string): void {
    const { hop, server } = this.#place;
    if (name === server.host || hop.to.includes(`//${name}`)) return;
    this.#needs.push(
      `the certificate is for "${name}", not for "${this.#base.name}": write this only if that is the ` +
        'server you mean',
    );
  }

  #limits(): void {
    const { verifyDepth, pins, ocsp } = this.#found.settings;
    const before = this.#base.settings;
    if (verifyDepth !== before.verifyDepth) this.#say('verify_depth', String(verifyDepth));
    if (pins !== before.pins) {
      this.#say('pin', ...pins.map((pin) => `sha256/${pin}`));
      this.#needs.push('pin a new key only if you know why it has changed');
    }
    if (ocsp !== before.ocsp) this.#say('ocsp', ocsp);
  }

  #offer(): void {
    const { protocols, ciphers, groups } = this.#found.settings;
    const before = this.#base.settings;
    if (protocols !== before.protocols) this.#say('protocols', ...protocols);
    if (ciphers !== before.ciphers) this.#say('ciphers', ciphers);
    if (groups !== before.groups) this.#say('groups', groups);
    if (/SECLEVEL=0/.test(ciphers) && !/SECLEVEL=0/.test(before.ciphers)) {
      this.#needs.push('this lowers the security of the hop: better update the server');
    }
  }

  #clientCertificate(): void {
    if (!this.#end.needsClientCertificate) return;
    this.#say('certificate', '/path/to/client.crt');
    this.#say('certificate_key', '/path/to/client.key');
    this.#needs.push('the server demands a client certificate of a CA that it trusts');
  }
}

/** The pin alone, for a server whose certificate nobody can verify. */
export function pinAdviceFor(leaf: X509Certificate, kind: Hop['kind']): ProbeAdvice | null {
  if (publicKeyOf(leaf) === null || kind !== 'proxy') return null;
  return {
    directives: [
      `${sslDirective(kind, 'verify')} off reason="pinned";`,
      `${sslDirective(kind, 'pin')} sha256/${spkiPin(leaf)} sha256/PIN-OF-A-BACKUP-KEY;`,
    ],
    serverLine: null,
    needs: [
      'get the pin of the key from its owner and compare it',
      'a second pin, of a key kept elsewhere, takes the place of PIN-OF-A-BACKUP-KEY',
    ],
    proved: false,
  };
}

const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

function bundle(): string {
  return bundles.find((file) => existsSync(file)) ?? '/etc/ssl/certs/ca-certificates.crt';
}

function placeholder(subject: string): string {
  const common = /(?:^|\n)CN=([^\n]*)/.exec(subject)?.[1] ?? 'ca';
  const plain = common.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `/path/to/${plain.replace(/^-+|-+$/g, '').slice(0, 64) || 'ca'}.pem`;
}

function serverLine({ node }: HopServer, parameters: readonly string[]): string | null {
  if (node === null || parameters.length === 0) return null;
  const names = parameters.map((one) => one.slice(0, one.indexOf('=') + 1));
  const kept = node.args.map(({ text }) => text);
  const rest = kept.filter((text) => !names.some((name) => text.startsWith(name)));
  return `server ${[...rest, ...parameters].map(quotedIfNeeded).join(' ')};`;
}

function quotedIfNeeded(text: string): string {
  if (text !== '' && !/[\s;{}"'#\\]/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
