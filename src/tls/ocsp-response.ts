// Reads and judges an OCSP response (RFC 6960), stapled or fetched. Nothing in it counts before its
// signature has been checked with the key of the certificate's issuer, or of a responder that the
// issuer itself has authorised; and then only what it says of the very certificate asked about.

import type { X509Certificate } from 'node:crypto';
import type { SingleResponse } from '@peculiar/asn1-ocsp';
import { asn1Ocsp, asn1Schema, asn1X509 } from './asn1.ts';
import { bytesOf, isOneElement } from './certificate-der.ts';
import { basicResponseShape, type BasicResponse } from './ocsp-basic-response.ts';
import { meansCertificate } from './ocsp-cert-id.ts';
import { signerProblem } from './ocsp-signer.ts';

/** What a response says. Times in milliseconds since the epoch. */
export type OcspVerdict =
  | { readonly kind: 'good'; readonly thisUpdate: number; readonly nextUpdate: number | null }
  | {
      readonly kind: 'revoked';
      readonly at: number;
      /** As RFC 5280 calls it (`keyCompromise`); null where none is given. */
      readonly reason: string | null;
      readonly nextUpdate: number | null;
    }
  /** The responder does not know the certificate. */
  | { readonly kind: 'unknown' }
  /** Nothing in it can be believed. */
  | { readonly kind: 'invalid'; readonly reason: string };

/** The certificate asked about, and the one that issued it. */
export interface OcspSubject {
  readonly leaf: X509Certificate;
  /** Must have been verified as the issuer in a trusted chain: it is believed here. */
  readonly issuer: X509Certificate;
}

/** Larger responses are not looked at: they come from strangers. */
export const largestResponse = 65_536;

/** Clocks differ: a response that begins this much later is accepted, in milliseconds. */
const skew = 300_000;

/** How long a response counts that does not say until when, from its thisUpdate on. */
const withoutEnd = 86_400_000;

/**
 * Judges a response. Never throws, whatever the bytes are.
 *
 * A response without nextUpdate counts for one day. MD5, SHA-1 and RSA keys below 2048 bits are
 * refused as signatures. A responder's own certificate is not checked for revocation.
 *
 * @param at - the time to judge by, milliseconds since the epoch; default: now
 */
export function checkOcspResponse(
  der: Uint8Array,
  about: OcspSubject,
  at: number = Date.now(),
): OcspVerdict {
  try {
    return judge(der, about, at);
  } catch {
    return invalid('it is malformed');
  }
}

function invalid(reason: string): OcspVerdict {
  return { kind: 'invalid', reason };
}

function judge(der: Uint8Array, about: OcspSubject, at: number): OcspVerdict {
  if (der.length > largestResponse) return invalid('it is too large');
  if (!isOneElement(der)) return invalid('it is malformed');
  const { AsnConvert } = asn1Schema();
  const { OCSPResponse, OCSPResponseStatus, id_pkix_ocsp_basic } = asn1Ocsp();
  const { responseStatus, responseBytes } = AsnConvert.parse(der, OCSPResponse);
  if (responseStatus !== OCSPResponseStatus.successful) {
    const name: string | undefined = OCSPResponseStatus[responseStatus];
    return invalid(`the responder answered ${name ?? String(responseStatus)}`);
  }
  if (responseBytes?.responseType !== id_pkix_ocsp_basic) {
    return invalid('it is not a basic OCSP response');
  }
  const bytes = new Uint8Array(responseBytes.response.buffer);
  if (!isOneElement(bytes)) return invalid('it is malformed');
  const basic = AsnConvert.parse(bytes, basicResponseShape());
  const problem = responseProblem(basic, about, at);
  return problem === null ? statusOf(basic.data.responses, about, at) : invalid(problem);
}

function responseProblem(basic: BasicResponse, about: OcspSubject, at: number): string | null {
  const { data, dataRaw } = basic;
  if (dataRaw === undefined || Number(data.version) !== 0) return 'its version is not known';
  if (!about.leaf.checkIssued(about.issuer)) return 'the issuer given is not the issuer';
  const problem = signerProblem(
    {
      responder: data.responderID,
      signed: {
        algorithm: basic.signatureAlgorithm,
        data: bytesOf(dataRaw),
        signature: new Uint8Array(basic.signature),
      },
      certificates: basic.certificates ?? [],
    },
    about.issuer,
    at,
  );
  if (problem !== null) return problem;
  // None that is defined is critical, and one that is must be understood (RFC 6960, 4.4).
  const all = [data, ...data.responses].flatMap((one) =>
    'responseExtensions' in one
      ? one.responseExtensions
      : 'singleExtensions' in one
        ? one.singleExtensions
        : [],
  );
  return all.some((one) => one?.critical === true) ? 'it has a critical extension' : null;
}

// Of several answers about one certificate the worst counts.
function statusOf(
  responses: readonly SingleResponse[],
  { leaf, issuer }: OcspSubject,
  at: number,
): OcspVerdict {
  const verdicts = responses
    .filter((one) => meansCertificate(one.certID, leaf, issuer))
    .map((one) => verdictOf(one, at));
  const worst = (kind: OcspVerdict['kind']): OcspVerdict | undefined =>
    verdicts.find((verdict) => verdict.kind === kind);
  return (
    worst('revoked') ??
    worst('unknown') ??
    worst('invalid') ??
    worst('good') ??
    invalid('it is about another certificate')
  );
}

function verdictOf(response: SingleResponse, at: number): OcspVerdict {
  const { certStatus: status } = response;
  const thisUpdate = response.thisUpdate.getTime();
  const nextUpdate = response.nextUpdate?.getTime() ?? null;
  const end = nextUpdate ?? thisUpdate + withoutEnd;
  if (Number.isNaN(thisUpdate) || Number.isNaN(end) || end < thisUpdate) {
    return invalid('its dates make no sense');
  }
  if (thisUpdate > at + skew) return invalid(`it is not valid before ${dateText(thisUpdate)}`);
  if (end < at) return invalid(`it expired on ${dateText(end)}`);
  if (status.revoked !== undefined) {
    const { revocationTime, revocationReason } = status.revoked;
    const code = revocationReason?.reason;
    const reason = code === undefined ? null : (asn1X509().CRLReasons[code] ?? String(code));
    return { kind: 'revoked', at: revocationTime.getTime(), reason, nextUpdate };
  }
  if (status.unknown !== undefined) return { kind: 'unknown' };
  if (status.good === undefined) return invalid('it has no status');
  return { kind: 'good', thisUpdate, nextUpdate };
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}
