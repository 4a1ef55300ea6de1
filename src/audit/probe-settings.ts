// What a hop's configuration comes to for one of its servers, read tolerantly: the settings of a real
// policy, the name to verify, and the files that could not be read.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DirectiveNode } from '../config/node.ts';
import type { DirectiveRow, ParseHelp, ValueType } from '../config/row.ts';
import * as rows from '../modules/proxy-ssl-rows.ts';
import { pinFile } from '../modules/proxy-ssl-values.ts';
import { serverValue, type ServerTlsArguments } from '../modules/upstream-server-line.ts';
import { mergeOverrides } from '../tls/conf-command.ts';
import { decryptKey, readPasswords } from '../tls/encrypted-key.ts';
import { readCertificates, readKeyPair, type KeyPair, type PemFile } from '../tls/pem.ts';
import { defaultUpstreamTlsSettings, type UpstreamTlsSettings } from '../tls/upstream-settings.ts';
import { readCrls } from '../tls/crl.ts';
import { readPinFile } from '../tls/pins.ts';
import { defaultsOf } from './dialect.ts';
import { sslDirective } from './hops.ts';
import type { Dialect, Hop, HopServer } from './model.ts';
import { readTarget } from './targets.ts';
import { parseHostPort } from '../base/address.ts';

/** Where a probe starts: what the configuration says of one server, with verification on. */
export interface ProbeBase {
  readonly settings: UpstreamTlsSettings;
  /** Is there anything to verify against? nginx has no default. */
  readonly trustGiven: boolean;
  /** The name that is to be verified; empty where it depends on the request. */
  readonly name: string;
  /** Is it sent? */
  readonly sendName: boolean;
  /** Files that could not be read, and the like. */
  readonly notes: readonly string[];
}

/** Whose configuration it is, and where its files lie. */
export interface ProbePlace {
  readonly dialect: Dialect;
  /** Relative paths belong to it. */
  readonly folder: string;
}

/** Reads all settings of a hop for one of its servers. Never throws. */
export function readProbeBase(hop: Hop, server: HopServer, place: ProbePlace): ProbeBase {
  return new BaseReader(hop, server, place).read();
}

/** The host of the hop's URL; that of the server where the URL has variables. */
export function urlHost(hop: Hop, server: HopServer): string {
  if (hop.variable) return server.host;
  const { authority } = readTarget(hop.to);
  return parseHostPort(authority)?.host ?? authority;
}

const silent: ParseHelp = {
  error: () => undefined,
  warn: () => undefined,
  resolvePath: (file) => file,
};

class BaseReader {
  readonly #hop: Hop;
  readonly #server: HopServer;
  readonly #place: ProbePlace;
  readonly #notes: string[] = [];
  readonly #own: ServerTlsArguments | null;

  constructor(hop: Hop, server: HopServer, place: ProbePlace) {
    this.#hop = hop;
    this.#server = server;
    this.#place = place;
    const line = server.node === null ? null : serverValue.parse(server.node, silent);
    this.#own = place.dialect === 'sallyport' ? (line?.tls ?? null) : null;
  }

  read(): ProbeBase {
    const defaults = defaultsOf[this.#place.dialect];
    const nginx = this.#place.dialect === 'nginx';
    const trusted = this.#trusted();
    const own = this.#own?.pins ?? [];
    const settings: UpstreamTlsSettings = {
      ...defaultUpstreamTlsSettings,
      sessionReuse: false,
      trusted,
      verifyDepth: this.#value(rows.proxySslVerifyDepth, defaults.depth),
      verifyCommonName: nginx || this.#value(rows.proxySslVerifyCn, false),
      crl: this.#crls(),
      pins: own.length > 0 ? own : this.#pins(),
      sans: this.#value(rows.proxySslSan, []),
      ocsp: this.#value(rows.proxySslOcsp, 'off'),
      groups: this.#value(rows.proxySslGroups, 'auto'),
      protocols: this.#value(rows.proxySslProtocols, defaultUpstreamTlsSettings.protocols),
      ciphers: this.#value(rows.proxySslCiphers, 'DEFAULT'),
      overrides: mergeOverrides(this.#list(rows.proxySslConfCommand)),
      certificate: this.#pair(),
    };
    return {
      settings,
      trustGiven: trusted !== null || defaults.systemTrust,
      name: this.#name(),
      sendName: this.#hop.level.isOn(this.#named('server_name'), defaults.serverName),
      notes: this.#notes,
    };
  }

  #named(rest: string): string {
    return sslDirective(this.#hop.kind, rest);
  }

  // The rows are those of `proxy_pass`; the other families have the same arguments.
  #nodes(row: DirectiveRow): readonly DirectiveNode[] {
    return this.#hop.level.effective(this.#named(row.name.replace(/^[a-z]+_ssl_/, '')));
  }

  #value<V>(row: DirectiveRow<V>, usual: V): V {
    const node = this.#nodes(row as DirectiveRow).at(-1);
    if (node === undefined) return usual;
    const type = row.value as ValueType<V>;
    return type.parse(node, silent) ?? usual;
  }

  #list<V>(row: DirectiveRow<readonly V[]>): readonly V[] {
    const type = row.value as ValueType<V>;
    return this.#nodes(row as DirectiveRow)
      .map((node) => type.parse(node, silent))
      .filter((value) => value !== null);
  }

  #text(rest: string): string | null {
    const text = this.#hop.level.value(this.#named(rest));
    return text === '' ? null : text;
  }

  #name(): string {
    const { dialect } = this.#place;
    const written = this.#text('name');
    const host = urlHost(this.#hop, this.#server);
    const own = this.#own?.name ?? null;
    if (own !== null) return own;
    const usual = dialect === 'nginx' ? (this.#hop.group ?? host) : this.#server.host;
    if (written === null) return usual;
    if (written === '$proxy_host' || written === '${proxy_host}') return this.#hop.group ?? host;
    if (!written.includes('$')) return written.replace(/^\[|\]$/g, '');
    this.#notes.push(`the name to verify is "${written}"; it was probed as "${usual}"`);
    return usual;
  }

  #file(file: string): PemFile | null {
    const absolute = path.resolve(this.#place.folder, file);
    try {
      return { path: absolute, pem: readFileSync(absolute, 'utf8') };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'error';
      this.#notes.push(`"${absolute}" cannot be read (${code})`);
      return null;
    }
  }

  #checked<T>(check: () => T): T | null {
    try {
      return check();
    } catch (error) {
      this.#notes.push(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  #trusted(): PemFile | null {
    const written = this.#own?.trusted?.text ?? this.#text('trusted_certificate');
    const file = written === null ? null : this.#file(written);
    if (file === null) return null;
    return this.#checked(() => readCertificates(file)) === null ? null : file;
  }

  #pins(): readonly string[] {
    return this.#value(rows.proxySslPin, []).flatMap((pin) => {
      if (!pin.startsWith(pinFile)) return [pin];
      const file = this.#file(pin.slice(pinFile.length));
      return file === null ? [] : (this.#checked(() => readPinFile(file)) ?? []);
    });
  }

  #crls(): readonly PemFile[] {
    return this.#value(rows.proxySslCrl, [])
      .map(({ text }) => this.#file(text))
      .filter((file) => file !== null)
      .filter((file) => this.#checked(() => readCrls(file)) !== null);
  }

  #pair(): KeyPair | null {
    const own = this.#own?.pair ?? null;
    const certificate = own?.certificate.text ?? this.#text('certificate');
    const key = own?.key.text ?? this.#text('certificate_key');
    if (certificate === null || key === null) return null;
    if (`${certificate}${key}`.includes('$') || /^(data|engine|store):/.test(key)) {
      this.#notes.push('the client certificate is not a file with a fixed name: none was shown');
      return null;
    }
    const first = this.#file(certificate);
    const second = this.#file(key);
    if (first === null || second === null) return null;
    return this.#checked(() => {
      const pair = { certificate: first, key: decryptKey(second, this.#passwords()) };
      readKeyPair(pair);
      return pair;
    });
  }

  #passwords(): readonly string[] {
    const file = this.#text('password_file');
    return file === null ? [] : readPasswords(this.#file(file)?.pem ?? '');
  }
}
