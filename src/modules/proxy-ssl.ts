// `proxy_ssl_*`: how the hop to an upstream server is verified. One policy for equal settings.

import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { SallyportError } from '../base/errors.ts';
import type { Argument, Position } from '../config/node.ts';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag, mask, number, text } from '../config/value-types.ts';
import type { Connector, Destination } from '../forward/proxy-settings.ts';
import { formatAddress } from '../base/address.ts';
import type { PolicyFinding } from '../tls/policy-findings.ts';
import { tlsTargetKey } from '../tls/upstream-connect.ts';
import {
  createUpstreamTlsPolicy,
  policyWarnings,
  type UpstreamTlsPolicy,
  type UpstreamTlsSettings,
} from '../tls/upstream-policy.ts';
import { defaultUpstreamTlsSettings } from '../tls/upstream-settings.ts';
import type { Template } from '../exchange/template.ts';
import type { ConnectTarget } from '../upstream/connection.ts';
import type { Peer } from '../upstream/peer.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { caCertificates, fileArgument, readPem } from './ssl.ts';
import { protocolNames, type ProtocolName } from './ssl-protocol-names.ts';
import { reportPolicyError, reportWarnings } from './tls-findings.ts';

export const proxySslCertificate = directive<Argument | null>({
  name: 'proxy_ssl_certificate',
  contexts: inHttpServerLocation,
  args: 1,
  value: fileArgument,
  default: null,
  help: 'PEM file with the certificate that this proxy shows upstream servers that ask for one.',
});

export const proxySslCertificateKey = directive<Argument | null>({
  name: 'proxy_ssl_certificate_key',
  contexts: inHttpServerLocation,
  args: 1,
  value: fileArgument,
  default: null,
  help: 'PEM file with its key.',
});

export const proxySslTrustedCertificate = directive<Argument | null>({
  name: 'proxy_ssl_trusted_certificate',
  contexts: inHttpServerLocation,
  args: 1,
  value: fileArgument,
  default: null,
  defaultText: 'the trust store of the system',
  help: 'PEM file with the CAs that upstream certificates must come from.',
  differs:
    'without it the trust store of the system is used, so that verification needs nothing else',
});

export const proxySslVerify = directive({
  name: 'proxy_ssl_verify',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help:
    'Whether upstream certificates are verified: chain, dates, purpose and name. DANGER: with ' +
    '"off" anybody on the way can be the upstream server. Such hops are listed at start.',
  differs: 'on by default: encryption without verification protects from nobody who is on the way',
});

export const proxySslVerifyDepth = directive({
  name: 'proxy_ssl_verify_depth',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: 4,
  defaultText: '4',
  help: 'How many intermediate CAs the chain of an upstream certificate may have.',
  differs: "4 by default: today's public chains need 2",
});

export const proxySslProtocols = directive<readonly ProtocolName[]>({
  name: 'proxy_ssl_protocols',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: mask(protocolNames),
  default: ['TLSv1.2', 'TLSv1.3'],
  defaultText: 'TLSv1.2 TLSv1.3',
  help: 'TLS versions towards upstream servers.',
  differs:
    'TLSv1 and TLSv1.1 are offered only where proxy_ssl_ciphers has @SECLEVEL=0, and warned about',
});

export const proxySslCiphers = directive({
  name: 'proxy_ssl_ciphers',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'DEFAULT',
  defaultText: 'DEFAULT',
  help: "Cipher suites towards upstream servers, in OpenSSL's notation.",
});

export const proxySslSessionReuse = directive({
  name: 'proxy_ssl_session_reuse',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether TLS sessions with upstream servers are resumed.',
  differs: 'sessions belong to the whole policy: another CA or name never profits from them',
});

export const proxySslName = directive<Argument | null>({
  name: 'proxy_ssl_name',
  contexts: inHttpServerLocation,
  args: 1,
  value: { expects: 'a host name', parse: (node) => node.args[0] ?? null },
  default: null,
  defaultText: 'the host name of the server that was picked',
  help: 'The name that an upstream certificate must be for, and that is sent as SNI.',
  differs:
    'by default the host of the server that was picked: the name of a group is in no certificate. ' +
    'For an IP address the certificate needs it among its IP names',
});

export const proxySslServerName = directive({
  name: 'proxy_ssl_server_name',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether the name is sent as SNI; an IP address never is.',
  differs: 'on by default: without it many servers show the wrong certificate',
});

export const proxySslRows = [
  proxySslCertificate,
  proxySslCertificateKey,
  proxySslTrustedCertificate,
  proxySslVerify,
  proxySslVerifyDepth,
  proxySslProtocols,
  proxySslCiphers,
  proxySslSessionReuse,
  proxySslName,
  proxySslServerName,
];

/** The policy of a scope; null after a reported error. */
export function upstreamTlsPolicy(scope: Scope, context: BuildContext): UpstreamTlsPolicy | null {
  const settings = readSettings(scope, context);
  if (settings === null) return null;
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('base64');
  const known = context.upstreamPolicies.get(key);
  if (known !== undefined) return known;
  const fallback = scope.at(proxySslCertificate) ?? scope.node?.at ?? null;
  const place = (finding: PolicyFinding): Position | null => placeOf(finding, scope) ?? fallback;
  try {
    const policy = createUpstreamTlsPolicy(settings);
    reportWarnings(policyWarnings(settings), place, context);
    context.upstreamPolicies.set(key, policy);
    return policy;
  } catch (thrown) {
    reportPolicyError(thrown, place, fallback, context);
    return null;
  }
}

const rowOfSetting = {
  certificate: proxySslCertificate,
  key: proxySslCertificateKey,
  trust: proxySslTrustedCertificate,
  verify: proxySslVerify,
  protocols: proxySslProtocols,
  ciphers: proxySslCiphers,
  curves: proxySslProtocols,
} as const;

// The argument's place where there is one file, else the directive's.
function placeOf({ about }: PolicyFinding, scope: Scope): Position | null {
  const row = rowOfSetting[about];
  const [node] = scope.nodes(row);
  const isFile = about === 'certificate' || about === 'key' || about === 'trust';
  return (isFile ? node?.args[0]?.at : node?.at) ?? null;
}

function readSettings(scope: Scope, context: BuildContext): UpstreamTlsSettings | null {
  const ca = scope.get(proxySslTrustedCertificate);
  const certificate = scope.get(proxySslCertificate);
  const key = scope.get(proxySslCertificateKey);
  if (certificate !== null && key === null) {
    context.error(
      certificate.at,
      `no "proxy_ssl_certificate_key" is defined for certificate "${certificate.text}"`,
    );
    return null;
  }
  const trusted = ca === null ? null : readPem(ca, caCertificates, context);
  const pair =
    certificate === null || key === null
      ? null
      : {
          certificate: readPem(certificate, 'certificate', context),
          key: readPem(key, 'certificate key', context),
        };
  if ((ca !== null && trusted === null) || pair?.certificate === null || pair?.key === null) {
    return null;
  }
  return {
    ...defaultUpstreamTlsSettings,
    trusted,
    verify: scope.get(proxySslVerify) ? 'on' : 'off',
    verifyDepth: scope.get(proxySslVerifyDepth),
    protocols: scope.get(proxySslProtocols),
    ciphers: scope.get(proxySslCiphers),
    certificate: pair === null ? null : { certificate: pair.certificate, key: pair.key },
    sessionReuse: scope.get(proxySslSessionReuse),
  };
}

/** Makes the function that gives each request the identity of its upstream connection. */
export function compileConnector(
  scope: Scope,
  policy: UpstreamTlsPolicy | null,
  context: BuildContext,
): Connector {
  const given = scope.get(proxySslName);
  const name = given === null ? null : context.template(given);
  const sendName = scope.get(proxySslServerName);
  const known = new Map<Peer, ConnectTarget>();
  return (x, peer, destination) => {
    const fixed = name === null || name.constant !== null;
    if (fixed) {
      const target = known.get(peer);
      if (target !== undefined && (target.tls !== null) === destination.secure) return target;
    }
    const made = connectTarget(peer, destination, policy, {
      name: nameToVerify(peer, name, x),
      sendName,
    });
    if (fixed) known.set(peer, made);
    return made;
  };
}

function nameToVerify(
  peer: Peer,
  name: Template | null,
  x: Parameters<Template['evaluate']>[0],
): string {
  const chosen = name === null ? '' : name.evaluate(x);
  if (chosen !== '') return chosen.replace(/^\[|\]$/g, '');
  return peer.hostName;
}

function connectTarget(
  peer: Peer,
  destination: Destination,
  policy: UpstreamTlsPolicy | null,
  identity: { readonly name: string; readonly sendName: boolean },
): ConnectTarget {
  const { address } = peer;
  if (!destination.secure) {
    return { key: `plain\0${formatAddress(address)}`, address, tls: null, peer };
  }
  if (policy === null) {
    throw new SallyportError('INTERNAL', 'a TLS hop without a policy must never be connected');
  }
  const serverName = identity.sendName && isIP(identity.name) === 0 ? identity.name : null;
  const tls = { policy, address, verifyName: identity.name, serverName };
  return { key: tlsTargetKey(tls), address, tls, peer };
}
