// `ssl_*`: TLS towards clients.

import { resolve } from 'node:path';
import type { Argument, Position } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, flag, mask, number, seconds, text } from '../config/value-types.ts';
import type { PolicyFinding } from '../tls/policy-findings.ts';
import {
  createServerTlsPolicy,
  serverPolicyWarnings,
  type ServerTlsPolicy,
} from '../tls/server-policy.ts';
import { protocolNames, type ProtocolName } from './ssl-protocol-names.ts';
import type { PemFile } from '../tls/pem.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';
import type { Module } from './module.ts';
import { reportPolicyError, reportWarnings } from './tls-findings.ts';

/** A file name as written, with its place. */
export const fileArgument: ValueType<Argument> = {
  expects: 'the path of a PEM file',
  parse: (node) => node.args[0] ?? null,
};

export const sslCertificate = listDirective<Argument>({
  name: 'ssl_certificate',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  help: 'PEM file with the certificate of the server, then its intermediates. One for each key type.',
});

export const sslCertificateKey = listDirective<Argument>({
  name: 'ssl_certificate_key',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  help: 'PEM file with the key of the certificate. It must match, or nothing starts.',
});

export const sslClientCertificate = directive<Argument | null>({
  name: 'ssl_client_certificate',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  default: null,
  help: 'PEM file with the CAs whose client certificates are accepted; they are named to clients.',
});

export const sslVerifyClient = directive<'off' | 'on' | 'optional' | 'optional_no_ca'>({
  name: 'ssl_verify_client',
  contexts: inHttpServer,
  args: 1,
  value: choice(['on', 'off', 'optional', 'optional_no_ca'] as const),
  default: 'off',
  defaultText: 'off',
  help:
    'Whether clients have to present a certificate. "optional": a certificate that is presented ' +
    'must be good. "optional_no_ca": it need not be from a known CA; the verdict is in ' +
    '$ssl_client_verify.',
  differs:
    'a request for a server that verifies clients otherwise than the handshake did is answered 421, ' +
    'also where the client sent no server name; $ssl_client_verify calls a chain beyond ' +
    'ssl_verify_depth too long',
});

export const sslVerifyDepth = directive({
  name: 'ssl_verify_depth',
  contexts: inHttpServer,
  args: 1,
  value: number(),
  default: 1,
  defaultText: '1',
  help: 'How many intermediate CAs the chain of a client certificate may have.',
});

export const sslProtocols = directive<readonly ProtocolName[]>({
  name: 'ssl_protocols',
  contexts: inHttpServer,
  args: { min: 1, max: Infinity },
  value: mask(protocolNames),
  default: ['TLSv1.2', 'TLSv1.3'],
  defaultText: 'TLSv1.2 TLSv1.3',
  help: 'TLS versions offered to clients.',
  differs: 'TLSv1 and TLSv1.1 are offered only where ssl_ciphers has @SECLEVEL=0, and warned about',
});

export const sslCiphers = directive({
  name: 'ssl_ciphers',
  contexts: inHttpServer,
  args: 1,
  value: text,
  default: 'HIGH:!aNULL:!MD5',
  defaultText: 'HIGH:!aNULL:!MD5',
  help: "Cipher suites for clients, in OpenSSL's notation.",
});

export const sslPreferServerCiphers = directive({
  name: 'ssl_prefer_server_ciphers',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether the order of ssl_ciphers counts, or that of the client.',
});

export const sslSessionTimeout = directive({
  name: 'ssl_session_timeout',
  contexts: inHttpServer,
  args: 1,
  value: seconds,
  default: 300,
  defaultText: '5m',
  help: 'How long a client may resume its TLS session.',
});

export const sslSessionTickets = directive({
  name: 'ssl_session_tickets',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether sessions are resumed by tickets.',
  differs:
    'where clients are verified no session is resumed: what was found out about a chain is not in ' +
    'the ticket',
});

export const sslEcdhCurve = directive({
  name: 'ssl_ecdh_curve',
  contexts: inHttpServer,
  args: 1,
  value: text,
  default: 'auto',
  defaultText: 'auto',
  help: 'Key exchange groups, separated by ":"; "auto" leaves the choice to OpenSSL.',
});

export const sslRejectHandshake = directive({
  name: 'ssl_reject_handshake',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Refuses TLS handshakes for the names of this server with the alert unrecognized_name.',
});

/** What a file of CAs is called in messages. */
export const caCertificates = 'CA certificates';

/**
 * Reads a PEM file relative to the configuration's folder; null after a reported error.
 *
 * @param what - what it is to be, in nginx's words: `certificate`, `certificate key`
 */
export function readPem(argument: Argument, what: string, context: BuildContext): PemFile | null {
  // nginx takes these for certificates and keys, not for CAs.
  if (what !== caCertificates && /\$|^(data|engine|store):/.test(argument.text)) {
    const message = `variables, "data:", "engine:" and "store:" are not supported: "${argument.text}"`;
    context.reportOnce('error', argument.at, message);
    return null;
  }
  const path = resolve(context.configFolder, argument.text);
  const pem = context.readText(path, argument.at, what);
  return pem === null ? null : { path, pem };
}

/** The TLS policy of a server; null where it can't be made (an error was reported) or has none. */
export function serverTlsPolicy(
  scope: Scope,
  id: string,
  context: BuildContext,
): ServerTlsPolicy | null {
  const files = readFiles(scope, context);
  if (files === null) return null;
  const settings = {
    id,
    ...files,
    verifyClient: scope.get(sslVerifyClient),
    verifyDepth: scope.get(sslVerifyDepth),
    protocols: scope.get(sslProtocols),
    ciphers: scope.get(sslCiphers),
    preferServerCiphers: scope.get(sslPreferServerCiphers),
    sessionTimeout: scope.get(sslSessionTimeout),
    sessionTickets: scope.get(sslSessionTickets),
    ecdhCurve: scope.get(sslEcdhCurve),
    ticketKeys: context.ticketKeys,
  };
  const fallback = scope.at(sslCertificate);
  const place = (finding: PolicyFinding): Position | null => placeOf(finding, scope) ?? fallback;
  try {
    const policy = createServerTlsPolicy(settings);
    reportWarnings(serverPolicyWarnings(settings), place, context);
    return policy;
  } catch (thrown) {
    reportPolicyError(thrown, place, fallback, context);
    return null;
  }
}

const rowOfSetting = {
  verify: sslVerifyClient,
  protocols: sslProtocols,
  ciphers: sslCiphers,
  curves: sslEcdhCurve,
} as const;

function placeOf({ about, index }: PolicyFinding, scope: Scope): Position | null {
  if (about === 'certificate') return scope.get(sslCertificate)[index]?.at ?? null;
  if (about === 'key') return scope.get(sslCertificateKey)[index]?.at ?? null;
  if (about === 'trust') return scope.get(sslClientCertificate)?.at ?? null;
  return scope.at(rowOfSetting[about]);
}

// Reads all files before it gives up, so that every missing one is reported.
function readFiles(scope: Scope, context: BuildContext) {
  const certificates = scope.get(sslCertificate);
  const keys = scope.get(sslCertificateKey);
  const keyless = certificates[keys.length];
  if (keyless !== undefined) {
    const message = `no "ssl_certificate_key" is defined for certificate "${keyless.text}"`;
    context.reportOnce('error', keyless.at, message);
  }
  const pairs = certificates.map((certificate, i) => {
    const key = keys[i];
    return {
      certificate: readPem(certificate, 'certificate', context),
      key: key === undefined ? null : readPem(key, 'certificate key', context),
    };
  });
  const ca = scope.get(sslClientCertificate);
  const clientCertificate = ca === null ? null : readPem(ca, caCertificates, context);
  const read = pairs.flatMap(({ certificate, key }) =>
    certificate === null || key === null ? [] : [{ certificate, key }],
  );
  if (read.length < pairs.length || (ca !== null && clientCertificate === null)) return null;
  return { certificates: read, clientCertificate };
}

export const sslModule: Module = {
  name: 'ssl',
  directives: [
    sslCertificate,
    sslCertificateKey,
    sslClientCertificate,
    sslVerifyClient,
    sslVerifyDepth,
    sslProtocols,
    sslCiphers,
    sslPreferServerCiphers,
    sslSessionTimeout,
    sslSessionTickets,
    sslEcdhCurve,
    sslRejectHandshake,
  ],
};
