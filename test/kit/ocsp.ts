// OCSP from the other side: responses of every kind, right and wrong, and a responder over HTTP that
// says of each certificate what the test wants.

import type { KeyObject, X509Certificate } from 'node:crypto';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  CertID,
  CertStatus,
  KeyHash,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
  id_pkix_ocsp_basic,
} from '@peculiar/asn1-ocsp';
import { AlgorithmIdentifier, CRLReason, Certificate, Extension } from '@peculiar/asn1-x509';
import type { CRLReasons } from '@peculiar/asn1-x509';
import { certificateParts } from '../../src/tls/certificate-der.ts';
import { freePort } from './ports.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

export type CertificateStatus = 'good' | 'revoked' | 'unknown';

/** Who signs responses: the issuer itself, or a responder of it. */
export interface OcspSigner {
  readonly certificate: X509Certificate;
  /** PEM, or as node:crypto has it. */
  readonly key: string | KeyObject;
}

/** One answer of a response. */
export interface AnswerWish {
  readonly leaf: X509Certificate;
  /** Default: as of the response. */
  readonly issuer?: X509Certificate;
  /** Default `good`; null for none of the three. */
  readonly status?: CertificateStatus;
  readonly reason?: CRLReasons;
  readonly revokedAt?: Date;
  /** Default: an hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in a day; null for none. */
  readonly nextUpdate?: Date | null;
  /** Names the certificate instead of `leaf`: as a request did. */
  readonly certId?: CertID;
  /** Of the certificate's name, default sha1. */
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'md5';
}

/** What a response is to be. Everything left out is as it should be. */
export interface StapleWish extends AnswerWish {
  readonly issuer: X509Certificate;
  /** PEM or node:crypto's, of the issuer; not needed with a `signer`. */
  readonly key?: string | KeyObject;
  /** A delegated responder. Its certificate goes into the response. */
  readonly signer?: OcspSigner;
  /** Default true. */
  readonly withCertificate?: boolean;
  /** How the responder is named. Default `key`. */
  readonly by?: 'key' | 'name';
  /** Further answers, behind the first. */
  readonly more?: readonly AnswerWish[];
  /** Further answers, before the first. */
  readonly before?: readonly AnswerWish[];
  readonly digest?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Adds a critical extension that nobody knows. */
  readonly criticalExtension?: boolean;
}

const hour = 3_600_000;

const hashIds = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

const signatureIds = {
  rsa: {
    sha1: '1.2.840.113549.1.1.5',
    sha256: '1.2.840.113549.1.1.11',
    sha384: '1.2.840.113549.1.1.12',
    sha512: '1.2.840.113549.1.1.13',
  },
  ec: {
    sha1: '1.2.840.10045.4.1',
    sha256: '1.2.840.10045.4.3.2',
    sha384: '1.2.840.10045.4.3.3',
    sha512: '1.2.840.10045.4.3.4',
  },
} as const;

/** A signed response, DER: what a server staples and a responder answers. */
export function makeStaple(wish: StapleWish): Buffer {
  const signer = wish.signer ?? { certificate: wish.issuer, key: wish.key ?? '' };
  const answers = [...(wish.before ?? []), wish, ...(wish.more ?? [])];
  const data = new ResponseData({
    responderID: responderId(signer.certificate, wish.by ?? 'key'),
    producedAt: wholeSeconds(new Date()),
    responses: answers.map((one) => answer(one, wish.issuer)),
  });
  if (wish.criticalExtension === true) data.responseExtensions = [unknownExtension()];
  const tbs = Buffer.from(AsnConvert.serialize(data));
  const key = typeof signer.key === 'string' ? createPrivateKey(signer.key) : signer.key;
  const { algorithm, signature } = signed(tbs, key, wish.digest ?? 'sha256');
  const own = wish.signer !== undefined && wish.withCertificate !== false;
  // By hand: the library would write the dates of the certificate anew, and break its signature.
  const basic = element(
    0x30,
    tbs,
    Buffer.from(AsnConvert.serialize(new AlgorithmIdentifier({ algorithm }))),
    element(0x03, Buffer.of(0), signature),
    own ? element(0xa0, element(0x30, signer.certificate.raw)) : Buffer.alloc(0),
  );
  return response(basic);
}

/** A response without an answer, as `tryLater`. */
export function makeRefusal(status: keyof typeof OCSPResponseStatus): Buffer {
  const refusal = new OCSPResponse({ responseStatus: OCSPResponseStatus[status] });
  return Buffer.from(AsnConvert.serialize(refusal));
}

// One DER element of at most 64 KB.
function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const head = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
  if (length >= 128 && length < 256) head.splice(0, 3, 0x81, length);
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}

function response(basic: Buffer): Buffer {
  const whole = new OCSPResponse({
    responseStatus: OCSPResponseStatus.successful,
    responseBytes: new ResponseBytes({
      responseType: id_pkix_ocsp_basic,
      response: new OctetString(basic),
    }),
  });
  return Buffer.from(AsnConvert.serialize(whole));
}

function signed(data: Buffer, key: KeyObject, digest: keyof typeof signatureIds.rsa) {
  const type = key.asymmetricKeyType;
  if (type === 'ed25519') return { algorithm: '1.3.101.112', signature: sign(null, data, key) };
  const table = type === 'rsa' ? signatureIds.rsa : signatureIds.ec;
  return { algorithm: table[digest], signature: sign(digest, data, key) };
}

function responderId(certificate: X509Certificate, by: 'key' | 'name'): ResponderID {
  const { keyBits, subjectName } = certificateParts(certificate);
  if (by === 'key') return new ResponderID({ byKey: new KeyHash(hashOf('sha1', keyBits)) });
  const byName = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate.subject;
  if (subjectName.length === 0) throw new Error('the responder has no name');
  return new ResponderID({ byName });
}

function answer(wish: AnswerWish, defaultIssuer: X509Certificate): SingleResponse {
  const thisUpdate = wish.thisUpdate ?? new Date(Date.now() - hour);
  const single = new SingleResponse({
    certID: wish.certId ?? certId(wish.leaf, wish.issuer ?? defaultIssuer, wish.hash ?? 'sha1'),
    certStatus: certStatus(wish),
    thisUpdate: wholeSeconds(thisUpdate),
  });
  const nextUpdate =
    wish.nextUpdate === undefined ? new Date(Date.now() + 24 * hour) : wish.nextUpdate;
  if (nextUpdate !== null) single.nextUpdate = wholeSeconds(nextUpdate);
  return single;
}

function certId(
  leaf: X509Certificate,
  issuer: X509Certificate,
  hash: keyof typeof hashIds,
): CertID {
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: hashIds[hash], parameters: null }),
    issuerNameHash: new OctetString(hashOf(hash, certificateParts(issuer).subjectName)),
    issuerKeyHash: new OctetString(hashOf(hash, certificateParts(issuer).keyBits)),
    serialNumber: bufferOf(certificateParts(leaf).serial),
  });
}

function certStatus(wish: AnswerWish): CertStatus {
  if (wish.status === 'unknown') return new CertStatus({ unknown: null });
  if (wish.status !== 'revoked') return new CertStatus({ good: null });
  const revoked = new RevokedInfo({
    revocationTime: wholeSeconds(wish.revokedAt ?? new Date(Date.now() - hour)),
  });
  if (wish.reason !== undefined) revoked.revocationReason = new CRLReason(wish.reason);
  return new CertStatus({ revoked });
}

function unknownExtension(): Extension {
  return new Extension({
    extnID: '1.3.6.1.4.1.99999.1',
    critical: true,
    extnValue: new OctetString(Buffer.of(5, 0)),
  });
}

function hashOf(hash: string, bytes: Uint8Array): Buffer {
  return createHash(hash).update(bytes).digest();
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

/** What a request asked for. */
export interface SeenOcspRequest {
  readonly method: string;
  readonly path: string;
  /** `Host` as it came. */
  readonly host: string;
  readonly contentType: string;
  /** Upper-case hex, as `X509Certificate.serialNumber`; of the first certificate asked about. */
  readonly serial: string;
}

/** A running responder. */
export interface OcspResponder {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  /** Serial as `X509Certificate.serialNumber`. A certificate of which nothing is set is good. */
  setStatus(serial: string, status: CertificateStatus): void;
  /** Overrules all statuses: what every answer is then, or null for normal answers again. */
  answerWith(answer: OcspAnswer | null): void;
  /** Changes how responses are made from now on, such as their dates or signer. */
  vary(wish: Partial<StapleWish>): void;
  readonly requests: readonly SeenOcspRequest[];
  stop(): Promise<void>;
}

/** An answer that is no OCSP response, or no answer at all. */
export type OcspAnswer =
  | { readonly status?: number; readonly body: Buffer; readonly contentType?: string }
  /** Never answers; closes at the end. */
  | 'silence'
  | 'close';

/**
 * Starts a responder on loopback that answers POST and GET (RFC 6960, appendix A).
 *
 * @param options.issuer - whose certificates it knows
 * @param options.key - of the issuer, where no `signer` is given
 */
export async function startOcspResponder(options: {
  readonly issuer: X509Certificate;
  readonly key?: string | KeyObject;
  readonly signer?: OcspSigner;
  readonly scope?: Scope;
}): Promise<OcspResponder> {
  const statuses = new Map<string, CertificateStatus>();
  const requests: SeenOcspRequest[] = [];
  let fixed: OcspAnswer | null = null;
  let variation: Partial<StapleWish> = {};
  const server = createServer((request, reply) => {
    void requestBytes(request).then(
      (der) => {
        const asked = AsnConvert.parse(der, OCSPRequest).tbsRequest.requestList[0]?.reqCert;
        const serial = serialOf(asked?.serialNumber);
        requests.push({
          method: request.method ?? '',
          path: request.url ?? '',
          host: request.headers.host ?? '',
          contentType: request.headers['content-type'] ?? '',
          serial,
        });
        if (fixed === 'silence') return;
        if (fixed === 'close' || asked === undefined) {
          request.socket.destroy();
          return;
        }
        const status = statuses.get(serial) ?? 'good';
        const body =
          fixed?.body ??
          makeStaple({ ...options, leaf: options.issuer, certId: asked, status, ...variation });
        reply.writeHead(fixed?.status ?? 200, {
          'content-type': fixed?.contentType ?? 'application/ocsp-response',
          'content-length': body.length,
        });
        reply.end(body);
      },
      () => request.socket.destroy(),
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  atEnd(options.scope, stop);
  return {
    url: `http://127.0.0.1:${port}/`,
    setStatus: (serial, status) => statuses.set(serial.toUpperCase(), status),
    answerWith: (answer) => (fixed = answer),
    vary: (wish) => (variation = wish),
    requests,
    stop,
  };
}

async function requestBytes(request: IncomingMessage): Promise<Buffer> {
  if (request.method === 'GET') {
    const last = (request.url ?? '').split('/').at(-1) ?? '';
    return Buffer.from(decodeURIComponent(last), 'base64');
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function serialOf(serial: ArrayBuffer | undefined): string {
  const hex = Buffer.from(serial ?? new ArrayBuffer(0))
    .toString('hex')
    .toUpperCase();
  return hex.startsWith('00') && hex.length > 2 ? hex.slice(2) : hex;
}
