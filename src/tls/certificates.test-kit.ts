// Certificates for tests, written byte by byte (DER): any dates, names, purposes and chains, wrong
// ones included, made in a millisecond and without files.

import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { PemFile } from './pem.ts';

/** What to put into a certificate. */
export interface CertificateWish {
  readonly commonName: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  /** Null makes it self-signed. */
  readonly issuer?: TestCertificate | null;
  readonly authority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly purposes?: readonly ('server' | 'client' | 'ocsp' | 'any')[];
  /** URLs of OCSP responders, for its authority information access. */
  readonly ocspResponders?: readonly string[];
  /** Adds the TLS feature status_request (RFC 7633). */
  readonly mustStaple?: boolean;
  /** Default `ec`; `rsa` needs an issuer with a key of `ec`. */
  readonly keyType?: 'ec' | 'rsa';
  /** Of an RSA key, default 2048. */
  readonly bits?: number;
}

/** A certificate with its key. */
export interface TestCertificate {
  readonly commonName: string;
  readonly pem: string;
  readonly key: KeyObject;
  readonly keyPem: string;
}

const day = 86_400_000;

/** Makes a certificate. Without an issuer it is self-signed; valid from yesterday to tomorrow. */
export function makeCertificate(wish: CertificateWish): TestCertificate {
  const { privateKey, publicKey } =
    wish.keyType === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: wish.bits ?? 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = wish.issuer ?? null;
  const notBefore = wish.notBefore ?? new Date(Date.now() - day);
  const notAfter = wish.notAfter ?? new Date(Date.now() + day);
  const body = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(0x40), randomBytes(8)])),
    ecdsaSha256,
    distinguishedName(signer?.commonName ?? wish.commonName),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(wish.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions(wish))),
  );
  const signature = sign('sha256', body, signer?.key ?? privateKey);
  const der = sequence(body, ecdsaSha256, tlv(0x03, Buffer.of(0), signature));
  return {
    commonName: wish.commonName,
    pem: toPem(der),
    key: privateKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A CA: self-signed, or under another CA. */
export function makeAuthority(commonName: string, issuer?: TestCertificate): TestCertificate {
  return makeCertificate({ commonName, authority: true, issuer: issuer ?? null });
}

/** As a file that was read. */
export function pemFile(path: string, ...certificates: TestCertificate[]): PemFile {
  return { path, pem: certificates.map((one) => one.pem).join('') };
}

/** The pair of a certificate (with intermediates) and its key, as files that were read. */
export function pairFiles(
  leaf: TestCertificate,
  ...intermediates: TestCertificate[]
): { certificate: PemFile; key: PemFile } {
  return {
    certificate: pemFile(`${leaf.commonName}.crt`, leaf, ...intermediates),
    key: { path: `${leaf.commonName}.key`, pem: leaf.keyPem },
  };
}

function extensions(wish: CertificateWish): Buffer[] {
  const list: Buffer[] = [];
  if (wish.authority === true) {
    list.push(extension('2.5.29.19', sequence(Buffer.of(0x01, 0x01, 0xff))));
    list.push(extension('2.5.29.15', Buffer.of(0x03, 0x02, 0x01, 0x06)));
  }
  const names = [
    ...(wish.dns ?? []).map((name) => tlv(0x82, Buffer.from(name, 'latin1'))),
    ...(wish.ip ?? []).map((address) => tlv(0x87, addressBytes(address))),
  ];
  if (names.length > 0) list.push(extension('2.5.29.17', sequence(...names)));
  const purposes = {
    server: '1.3.6.1.5.5.7.3.1',
    client: '1.3.6.1.5.5.7.3.2',
    ocsp: '1.3.6.1.5.5.7.3.9',
    any: '2.5.29.37.0',
  };
  const wanted = (wish.purposes ?? []).map((purpose) => identifier(purposes[purpose]));
  if (wanted.length > 0) list.push(extension('2.5.29.37', sequence(...wanted)));
  const responders = (wish.ocspResponders ?? []).map((url) =>
    sequence(identifier('1.3.6.1.5.5.7.48.1'), tlv(0x86, Buffer.from(url, 'latin1'))),
  );
  if (responders.length > 0) list.push(extension('1.3.6.1.5.5.7.1.1', sequence(...responders)));
  if (wish.mustStaple === true) {
    list.push(extension('1.3.6.1.5.5.7.1.24', sequence(integer(Buffer.of(5)))));
  }
  return list;
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const missing = 8 - words(head).length - words(tail).length;
  const all = [...words(head), ...Array<string>(missing).fill('0'), ...words(tail)];
  return Buffer.from(all.map((word) => word.padStart(4, '0')).join(''), 'hex');
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function explicit(number: number, part: Buffer): Buffer {
  return tlv(0xa0 + number, part);
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function distinguishedName(commonName: string): Buffer {
  const name = sequence(identifier('2.5.4.3'), tlv(0x0c, Buffer.from(commonName)));
  return sequence(tlv(0x31, name));
}

function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return tlv(0x18, Buffer.from(`${text}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(identifier(id), tlv(0x04, value));
}

const ecdsaSha256 = sequence(identifier('1.2.840.10045.4.3.2'));
