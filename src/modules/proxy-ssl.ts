// From `proxy_ssl_*` and the `ssl_*=` parameters of servers to the policies of one hop: the
// location's own, and one for each server of the group that has parameters, all made at load. Equal
// settings are one policy.

import { createHash } from 'node:crypto';
import type { Argument, Position } from '../config/node.ts';
import type { DirectiveRow } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import { mergeOverrides } from '../tls/conf-command.ts';
import type { KeyPair, PemFile } from '../tls/pem.ts';
import type { PolicyFinding } from '../tls/policy-findings.ts';
import {
  createUpstreamTlsPolicy,
  policyWarnings,
  type UpstreamTlsPolicy,
  type UpstreamTlsSettings,
} from '../tls/upstream-policy.ts';
import type { ServerTls } from '../upstream/peer.ts';
import type { BuildContext } from './build-context.ts';
import {
  decryptPair,
  readPair,
  readPasswordFile,
  readPins,
  readTlsFile,
} from './proxy-ssl-files.ts';
import * as rows from './proxy-ssl-rows.ts';
import { reportPolicyError, reportWarnings, type FindingPlace } from './tls-findings.ts';
import type { ServerTlsArguments } from './upstream-server-line.ts';
import { VariableCertificates } from './proxy-ssl-certificate.ts';

/** The compiled TLS side of one hop. */
export interface HopTls {
  /** For servers without parameters of their own. */
  readonly policy: UpstreamTlsPolicy;
  /** For the others that requests may reach from here. */
  readonly ofServer: ReadonlyMap<ServerTls, UpstreamTlsPolicy>;
  /** Where the client certificate comes from variables; `policy` then has none. */
  readonly certificates: VariableCertificates | null;
}

/**
 * The policies of a scope; null after a reported error.
 *
 * @param groups - whose servers requests may reach from here
 */
export function compileHopTls(
  scope: Scope,
  groups: Iterable<LiveGroup>,
  context: BuildContext,
): HopTls | null {
  const given = readSettings(scope, context);
  if (given === null) return null;
  const { settings, certificates, passwords } = given;
  const policy = compilePolicy(settings, placesOf(scope, null), context);
  const ofServer = new Map<ServerTls, UpstreamTlsPolicy>();
  let complete = policy !== null;
  for (const tls of serversOf(groups)) {
    const made = serverPolicy(tls, { scope, settings, passwords }, context);
    if (made === null) complete = false;
    else ofServer.set(tls, made);
  }
  return policy !== null && complete ? { policy, ofServer, certificates } : null;
}

function serversOf(groups: Iterable<LiveGroup>): ReadonlySet<ServerTls> {
  const found = new Set<ServerTls>();
  for (const { group } of groups) {
    for (const tls of group.membership?.tls ?? []) if (tls !== null) found.add(tls);
    for (const { tls } of group.peers) if (tls !== null) found.add(tls);
  }
  return found;
}

interface LocationTls {
  readonly scope: Scope;
  readonly settings: UpstreamTlsSettings;
  readonly passwords: readonly string[];
}

function serverPolicy(
  tls: ServerTls,
  { scope, settings, passwords }: LocationTls,
  context: BuildContext,
): UpstreamTlsPolicy | null {
  const given = context.serverTls.get(tls) ?? null;
  let certificate = settings.certificate;
  if (tls.certificate !== null) {
    const at = given?.pair?.key.at ?? null;
    certificate = decryptPair(tls.certificate, passwords, at, context);
    if (certificate === null) return null;
  }
  const own: UpstreamTlsSettings = {
    ...settings,
    certificate,
    trusted: tls.trusted ?? settings.trusted,
    pins: tls.pins.length > 0 ? tls.pins : settings.pins,
  };
  return compilePolicy(own, placesOf(scope, given), context);
}

function compilePolicy(
  settings: UpstreamTlsSettings,
  places: { readonly of: FindingPlace; readonly fallback: Position | null },
  context: BuildContext,
): UpstreamTlsPolicy | null {
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('base64');
  const known = context.upstreamPolicies.get(key);
  if (known !== undefined) return known;
  try {
    const policy = createUpstreamTlsPolicy(settings);
    reportWarnings(policyWarnings(settings), places.of, context);
    context.upstreamPolicies.set(key, policy);
    return policy;
  } catch (thrown) {
    reportPolicyError(thrown, places.of, places.fallback, context);
    return null;
  }
}

// ---- where findings are reported

const rowOfSetting: Readonly<Record<string, DirectiveRow>> = {
  certificate: rows.proxySslCertificate,
  key: rows.proxySslCertificateKey,
  trust: rows.proxySslTrustedCertificate,
  crl: rows.proxySslCrl,
  verify: rows.proxySslVerify,
  pins: rows.proxySslPin,
  sans: rows.proxySslSan,
  ocsp: rows.proxySslOcsp,
  protocols: rows.proxySslProtocols,
  ciphers: rows.proxySslCiphers,
  curves: rows.proxySslGroups,
  groups: rows.proxySslGroups,
  overrides: rows.proxySslConfCommand,
};

const fileSettings: ReadonlySet<string> = new Set(['certificate', 'key', 'trust', 'crl']);

function placesOf(
  scope: Scope,
  server: ServerTlsArguments | null,
): { readonly of: FindingPlace; readonly fallback: Position | null } {
  const fallback = server?.at ?? scope.at(rows.proxySslCertificate) ?? scope.node?.at ?? null;
  const of = (finding: PolicyFinding): Position | null =>
    (server === null ? null : placeInServer(finding, server)) ??
    placeInScope(finding, scope) ??
    fallback;
  return { of, fallback };
}

function placeInServer({ about }: PolicyFinding, server: ServerTlsArguments): Position | null {
  if (about === 'certificate') return server.pair?.certificate.at ?? null;
  if (about === 'key') return server.pair?.key.at ?? null;
  return about === 'trust' ? (server.trusted?.at ?? null) : null;
}

// The argument's place where it is a file, else the directive's.
function placeInScope({ about, index }: PolicyFinding, scope: Scope): Position | null {
  const row = rowOfSetting[about];
  const [node] = row === undefined ? [] : scope.nodes(row);
  return (fileSettings.has(about) ? node?.args[index]?.at : null) ?? node?.at ?? null;
}

// ---- settings

interface ReadSettings {
  readonly settings: UpstreamTlsSettings;
  readonly certificates: VariableCertificates | null;
  readonly passwords: readonly string[];
}

// Reads all files before it gives up, so that every missing one is reported.
function readSettings(scope: Scope, context: BuildContext): ReadSettings | null {
  const trusted = fileOf(scope.get(rows.proxySslTrustedCertificate), context);
  const crl = scope.get(rows.proxySslCrl).map((one) => readTlsFile(one, 'CRL', context));
  const passwords = readPasswordFile(scope.get(rows.proxySslPasswordFile), context);
  const shown = readClientCertificate(scope, passwords ?? [], context);
  const pins = readPins(scope.get(rows.proxySslPin), scope.at(rows.proxySslPin), context);
  if (trusted === undefined || passwords === null || shown === null || pins === null) return null;
  const crlFiles = crl.filter((file) => file !== null);
  if (crlFiles.length < crl.length) return null;
  const { mode, weakUntil } = scope.get(rows.proxySslVerify);
  const settings: UpstreamTlsSettings = {
    trusted,
    verify: mode,
    weakUntil,
    verifyDepth: scope.get(rows.proxySslVerifyDepth),
    verifyCommonName: scope.get(rows.proxySslVerifyCn),
    crl: crlFiles,
    pins,
    sans: scope.get(rows.proxySslSan),
    ocsp: scope.get(rows.proxySslOcsp),
    groups: scope.get(rows.proxySslGroups),
    protocols: scope.get(rows.proxySslProtocols),
    ciphers: scope.get(rows.proxySslCiphers),
    overrides: mergeOverrides(scope.get(rows.proxySslConfCommand)),
    certificate: shown.pair,
    sessionReuse: scope.get(rows.proxySslSessionReuse),
  };
  return { settings, certificates: shown.variable, passwords };
}

// Undefined: an error was reported. An empty name takes back what a level above says, as in nginx.
function fileOf(argument: Argument | null, context: BuildContext): PemFile | null | undefined {
  if (argument === null || argument.text === '') return null;
  return readTlsFile(argument, 'CA certificates', context) ?? undefined;
}

interface ClientCertificate {
  readonly pair: KeyPair | null;
  readonly variable: VariableCertificates | null;
}

const noCertificate: ClientCertificate = { pair: null, variable: null };

function readClientCertificate(
  scope: Scope,
  passwords: readonly string[],
  context: BuildContext,
): ClientCertificate | null {
  const certificate = scope.get(rows.proxySslCertificate);
  const key = scope.get(rows.proxySslCertificateKey);
  if (certificate === null)
    return key === null || key.text === '' ? noCertificate : keyAlone(key, context);
  if (certificate.text === '') return noCertificate;
  if (key === null || key.text === '') {
    context.reportOnce(
      'error',
      certificate.at,
      `no "proxy_ssl_certificate_key" is defined for certificate "${certificate.text}"`,
    );
    return null;
  }
  if (certificate.text.includes('$') || key.text.includes('$')) {
    const settings = scope.get(rows.proxySslCertificateCache);
    const pair = { certificate, key };
    return {
      pair: null,
      variable: VariableCertificates.compile({ pair, passwords, settings }, context),
    };
  }
  const read = readPair({ certificate, key }, context);
  const pair = read === null ? null : decryptPair(read, passwords, key.at, context);
  return pair === null ? null : { pair, variable: null };
}

// nginx ignores it without a word, and the upstream then misses a certificate.
function keyAlone(key: Argument, context: BuildContext): null {
  const message = `no "proxy_ssl_certificate" is defined for certificate key "${key.text}"`;
  context.reportOnce('error', key.at, message);
  return null;
}
