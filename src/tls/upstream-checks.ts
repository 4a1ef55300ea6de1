// Everything about an upstream's certificate that OpenSSL does not check: name, depth, pins, OCSP.
// Asked at a full handshake, once OpenSSL has found the chain to be good; with verification off
// about the pins only.

import type { X509Certificate } from 'node:crypto';
import { now } from '../base/clock.ts';
import { demandsStaple, spkiPin } from './certificate-extensions.ts';
import { crlExpiry } from './crl.ts';
import type { FailureText } from './failure-text.ts';
import { commonNameOf, identityProblem } from './identity.ts';
import { checkOcspResponse } from './ocsp-response.ts';
import type { OcspVerdict } from './ocsp-response.ts';
import { dn } from './peer-description.ts';
import type { OcspFact } from './upstream-facts.ts';
import type { UpstreamTlsPolicy } from './upstream-policy.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { expiryOf, findVerifiedPath, intermediatesOf } from './verified-path.ts';
import { hasWantedSan } from './wanted-san.ts';

/** What an upstream showed in its handshake. */
export interface PresentedProof {
  /** Null where there was none: anonymous ciphers. */
  readonly leaf: X509Certificate | null;
  /** The stapled OCSP response, null where none came. */
  readonly staple: Buffer | null;
}

/** The outcome. */
export interface PeerVerdict {
  /** Null where all is well. */
  readonly failure: FailureText | null;
  readonly ocsp: OcspFact;
  /** Until when the verdict holds, in milliseconds since the epoch; Infinity: nothing limits it. */
  readonly expiresAt: number;
}

const noCertificate: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the upstream presented no certificate',
  mend: 'exclude anonymous ciphers in proxy_ssl_ciphers (!aNULL)',
};

/** Checks what the policy of a target demands. */
export function checkPeer(target: UpstreamTlsTarget, proof: PresentedProof): PeerVerdict {
  const { settings } = target.policy;
  if (settings.verify === 'off') return checkUnverified(target.policy, proof.leaf);
  const asked = unansweredOcsp(target.policy, proof.staple);
  if (proof.leaf === null) return refused(noCertificate, asked);
  const name = nameFailure(target, proof.leaf);
  if (name !== null) return refused(name, asked);
  const path = findVerifiedPath(proof.leaf, target.policy.trust);
  const found = path === null ? null : intermediatesOf(path);
  if (path === null || found === null || found > settings.verifyDepth) {
    return refused(tooLong(found, settings.verifyDepth), asked);
  }
  const pin = pinFailure(settings.pins, path);
  if (pin !== null) return refused(pin, asked);
  return checkRevocation(target.policy, path, proof.staple);
}

// Who sends a chain that nobody verifies can put any CA into it, pinned ones as well. Only for the
// leaf's key the handshake itself has proved that the upstream has it.
function checkUnverified(
  { settings }: UpstreamTlsPolicy,
  leaf: X509Certificate | null,
): PeerVerdict {
  if (settings.pins.length === 0) return good('', Number.POSITIVE_INFINITY);
  const failure = leaf === null ? noCertificate : pinFailure(settings.pins, [leaf]);
  return failure === null ? good('', Number.POSITIVE_INFINITY) : refused(failure, '');
}

function good(ocsp: OcspFact, expiresAt: number): PeerVerdict {
  return { failure: null, ocsp, expiresAt };
}

function refused(failure: FailureText, ocsp: OcspFact): PeerVerdict {
  return { failure, ocsp, expiresAt: Number.POSITIVE_INFINITY };
}

/** What `$upstream_ssl_ocsp` says where the refusal came before the response was looked at. */
export function unansweredOcsp({ settings }: UpstreamTlsPolicy, staple: Buffer | null): OcspFact {
  return settings.ocsp === 'off' || settings.verify === 'off' || staple !== null ? '' : 'NONE';
}

function nameFailure(target: UpstreamTlsTarget, leaf: X509Certificate): FailureText | null {
  const { sans, verifyCommonName } = target.policy.settings;
  if (sans.length > 0) {
    if (hasWantedSan(sans, leaf.subjectAltName)) return null;
    return {
      code: 'UPSTREAM_TLS_SAN_MISMATCH',
      what: 'the certificate has none of the names of proxy_ssl_san',
      mend: 'add one of the presented names to proxy_ssl_san, or have the certificate issued anew',
    };
  }
  const commonName = verifyCommonName ? commonNameOf(leaf) : null;
  const problem = identityProblem(target.verifyName, leaf.subjectAltName, commonName);
  if (problem === null) return null;
  return {
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    what: problem,
    mend: 'set proxy_ssl_name to a name that the certificate has, or have it issued for this name',
  };
}

function tooLong(found: number | null, limit: number): FailureText {
  const count = found === null ? 'an unknown number of' : String(found);
  return {
    code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    what: `certificate chain too long: ${count} intermediate CAs where ${limit} are allowed`,
    mend: `set proxy_ssl_verify_depth ${found ?? 'higher'}`,
  };
}

function pinFailure(pins: readonly string[], path: readonly X509Certificate[]): FailureText | null {
  if (pins.length === 0 || path.some((one) => pins.includes(spkiPin(one)))) return null;
  const keys = path.map((one) => `sha256/${spkiPin(one)} of ${dn(one.subject)}`);
  return {
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
    what: `no key of the ${path.length === 1 ? 'certificate' : 'chain'} is pinned: ${keys.join(', ')}`,
    mend: 'if one of these keys is the right one, add it to proxy_ssl_pin',
  };
}

function checkRevocation(
  policy: UpstreamTlsPolicy,
  path: readonly X509Certificate[],
  staple: Buffer | null,
): PeerVerdict {
  const time = now();
  const fresh = policy.crls.filter((crl) => crl.nextUpdate === null || crl.nextUpdate > time);
  const expiresAt = Math.min(expiryOf(path), crlExpiry(fresh));
  const [leaf, issuer = leaf] = path;
  if (policy.settings.ocsp === 'off' || leaf === undefined || issuer === undefined) {
    return good('', expiresAt);
  }
  if (staple === null) return withoutStaple(policy, leaf, expiresAt);
  const verdict = checkOcspResponse(staple, { leaf, issuer }, time);
  if (verdict.kind !== 'good') {
    return refused(ocspFailure(verdict), verdict.kind === 'revoked' ? 'REVOKED' : 'INVALID');
  }
  // One that does not say until when counts for a day (ocsp-response.ts).
  const end = verdict.nextUpdate ?? verdict.thisUpdate + dayMs;
  return good('GOOD', Math.min(expiresAt, end));
}

const dayMs = 86_400_000;

function withoutStaple(
  { settings }: UpstreamTlsPolicy,
  leaf: X509Certificate,
  expiresAt: number,
): PeerVerdict {
  const demanded = demandsStaple(leaf);
  if (settings.ocsp !== 'require' && !demanded) return good('NONE', expiresAt);
  const why = demanded
    ? 'its certificate demands one (must-staple, RFC 7633)'
    : 'proxy_ssl_ocsp require demands one';
  const failure: FailureText = {
    code: 'UPSTREAM_TLS_OCSP_MISSING',
    what: `the upstream stapled no OCSP response, and ${why}`,
    mend:
      'switch OCSP stapling on at the upstream' +
      (demanded ? '' : ', or set proxy_ssl_ocsp staple'),
  };
  return refused(failure, 'NONE');
}

function ocspFailure(verdict: Exclude<OcspVerdict, { kind: 'good' }>): FailureText {
  if (verdict.kind === 'revoked') {
    const when = new Date(verdict.at).toISOString();
    const reason = verdict.reason === null ? '' : `, ${verdict.reason}`;
    return {
      code: 'UPSTREAM_TLS_REVOKED',
      what: `OCSP says that the certificate was revoked (${when}${reason})`,
      mend: "the upstream's certificate must be issued anew",
    };
  }
  const reason =
    verdict.kind === 'unknown' ? 'the responder does not know the certificate' : verdict.reason;
  return {
    code: 'UPSTREAM_TLS_OCSP_INVALID',
    what: `the stapled OCSP response does not prove that the certificate is good: ${reason}`,
    mend: 'see which response the upstream staples (openssl s_client -status shows it)',
  };
}
