// From the `ssl_*` directives of a `server` block to its TLS policy: files are read, and what is
// wrong with them is reported at the lines that name them.

import { SallyportError } from '../base/errors.ts';
import type { Argument, Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { ErrorLog } from '../log/error-log.ts';
import { mergeOverrides } from '../tls/conf-command.ts';
import { readDhParameters } from '../tls/dh-parameters.ts';
import type { KeyPair, PemFile } from '../tls/pem.ts';
import type { PolicyFinding } from '../tls/policy-findings.ts';
import {
  checkServerTls,
  clientVerificationKeyOf,
  createServerTlsPolicy,
  serverPolicyWarnings,
  type ServerTls,
  type ServerTlsPolicy,
  type ServerTlsSettings,
} from '../tls/server-policy.ts';
import type { BuildContext } from './build-context.ts';
import { readTlsFile } from './proxy-ssl-files.ts';
import { readPairSources } from './ssl-certificates.ts';
import { NamedPolicies, type PairSource } from './ssl-named-policies.ts';
import { clientCheckOf, staplingOf } from './ssl-revocation.ts';
import * as rows from './ssl-rows.ts';
import { sessionKeeper } from './ssl-session-cache.ts';
import { sslSessionTickets, sslSessionTimeout, ticketSecrets } from './ssl-session-rows.ts';
import { reportPolicyError, reportWarnings } from './tls-findings.ts';

/** A `server` block whose policy is made. */
export interface TlsServerBlock {
  readonly scope: Scope;
  /** Which one it is: equal settings of two blocks are still two policies. */
  readonly id: string;
  /** For what happens later. */
  readonly errorLog: ErrorLog;
}

/** The TLS of a server; null where it can't be made (an error was reported) or has none. */
export function serverTls(block: TlsServerBlock, context: BuildContext): ServerTls | null {
  const { scope, errorLog } = block;
  const sources = readPairSources(scope, context, errorLog);
  const settings = readSettings(block, context);
  const keeper = sessionKeeper(scope, context);
  const clientCheck = clientCheckOf(scope, errorLog, context);
  if (sources === null || settings === null) return null;
  const at = (finding: PolicyFinding): Position | null =>
    placeOf(finding, scope) ?? scope.at(rows.sslCertificate);
  try {
    const pairs = sources.filter(isPair);
    const complete = { ...settings, certificates: pairs };
    checkServerTls(complete);
    const trusted = settings.trustedCertificate ?? null;
    const stapling = staplingOf({ scope, trusted, errorLog }, context);
    const make = (certificates: readonly KeyPair[], when: 'load' | 'handshake'): ServerTlsPolicy =>
      createServerTlsPolicy(
        { ...settings, certificates },
        { keeper, clientCheck, ...stapling(certificates, when) },
      );
    const verification = clientVerificationKeyOf(settings, { clientCheck });
    const tls =
      pairs.length === sources.length
        ? make(pairs, 'load')
        : new NamedPolicies(sources, (found) => make(found, 'handshake'), verification);
    reportWarnings(serverPolicyWarnings(complete), at, context);
    context.disposers.push(() => tls.dispose());
    return tls;
  } catch (thrown) {
    reportPolicyError(thrown, at, scope.at(rows.sslCertificate), context);
    return null;
  }
}

function isPair(source: PairSource): source is KeyPair {
  return typeof source !== 'function';
}

// Reads all files before it gives up, so that every one that is missing is reported.
function readSettings(
  { scope, id }: TlsServerBlock,
  context: BuildContext,
): ServerTlsSettings | null {
  const clientCertificate = readCa(scope.get(rows.sslClientCertificate), context);
  const trustedCertificate = readCa(scope.get(rows.sslTrustedCertificate), context);
  const crl = scope.get(rows.sslCrl).map((one) => readTlsFile(one, 'CRL', context));
  const readCrls = crl.filter((file) => file !== null);
  const secrets = ticketSecrets(scope, context);
  const dhParameters = readDh(scope, context);
  if (clientCertificate === undefined || trustedCertificate === undefined) return null;
  if (dhParameters === undefined || secrets === null || readCrls.length < crl.length) return null;
  return {
    id,
    certificates: [],
    clientCertificate,
    trustedCertificate,
    crl: readCrls,
    verifyClient: scope.get(rows.sslVerifyClient),
    verifyDepth: scope.get(rows.sslVerifyDepth),
    protocols: scope.get(rows.sslProtocols),
    ciphers: scope.get(rows.sslCiphers),
    preferServerCiphers: scope.get(rows.sslPreferServerCiphers),
    sessionTimeout: scope.get(sslSessionTimeout),
    sessionTickets: scope.get(sslSessionTickets),
    ecdhCurve: scope.get(rows.sslEcdhCurve),
    ticketSecrets: secrets,
    dhParameters,
    recordSize: Math.min(16_384, Math.max(512, scope.get(rows.sslBufferSize))),
    overrides: mergeOverrides(scope.get(rows.sslConfCommand)),
  };
}

// Undefined after a reported error.
function readCa(given: Argument | null, context: BuildContext): PemFile | null | undefined {
  if (given === null) return null;
  return readTlsFile(given, 'CA certificates', context) ?? undefined;
}

function readDh(scope: Scope, context: BuildContext): string | null | undefined {
  const given = scope.get(rows.sslDhparam);
  if (given === null) return null;
  const file = readTlsFile(given, 'DH parameters', context);
  if (file === null) return undefined;
  try {
    return readDhParameters(file);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    context.reportOnce('error', given.at, thrown.message);
    return undefined;
  }
}

const rowOfSetting = {
  verify: rows.sslVerifyClient,
  protocols: rows.sslProtocols,
  ciphers: rows.sslCiphers,
  curves: rows.sslEcdhCurve,
  overrides: rows.sslConfCommand,
} as const;

function placeOf({ about, index }: PolicyFinding, scope: Scope): Position | null {
  if (about === 'certificate') return scope.get(rows.sslCertificate)[index]?.at ?? null;
  if (about === 'key') return scope.get(rows.sslCertificateKey)[index]?.at ?? null;
  if (about === 'crl') return scope.get(rows.sslCrl)[index]?.at ?? null;
  if (about === 'trust') {
    const row = index === 0 ? rows.sslClientCertificate : rows.sslTrustedCertificate;
    return scope.get(row)?.at ?? null;
  }
  return scope.at(rowOfSetting[about]);
}
