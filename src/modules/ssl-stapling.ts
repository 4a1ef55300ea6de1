// `ssl_stapling`: the OCSP response that goes with a server's certificate, from a responder or a
// file. The work is done by src/tls/stapling.ts.

import { resolve } from 'node:path';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import { isOneElement } from '../tls/certificate-der.ts';
import type { StapleFile } from '../tls/stapling.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';
import type { Module } from './module.ts';

const argument: ValueType<Argument> = {
  expects: 'one argument',
  parse: (node) => node.args[0] ?? null,
};

export const sslStapling = directive({
  name: 'ssl_stapling',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help:
    'Whether the OCSP response for the certificate is sent to clients that ask for it. The issuer ' +
    'is looked for in the file of ssl_certificate, then in ssl_trusted_certificate. The response ' +
    'is fetched at the first handshake, renewed hourly or five minutes before its end, and asked ' +
    'for again five minutes after a failure.',
  differs:
    'the first handshake waits up to 2 seconds for the first response; names of responders are ' +
    "resolved by the system; what was fetched survives a reload, and a certificate's further " +
    'responders are asked where the first fails',
  example: 'ssl_stapling on;',
});

export const sslStaplingFile = directive<Argument | null>({
  name: 'ssl_stapling_file',
  contexts: inHttpServer,
  args: 1,
  value: argument,
  default: null,
  help: 'DER file with the OCSP response, as "openssl ocsp -respout" writes it; no responder is asked.',
  differs:
    'only a response that proves the certificate good now is sent, so its issuer must be known as well',
  example: 'ssl_stapling_file /etc/sallyport/shop.ocsp;',
});

export const sslStaplingResponder = directive<Argument | null>({
  name: 'ssl_stapling_responder',
  contexts: inHttpServer,
  args: 1,
  value: argument,
  default: null,
  help: 'URL of the OCSP responder, instead of those that the certificate names. Only "http://".',
  example: 'ssl_stapling_responder http://ocsp.example.com/;',
});

export const sslStaplingVerify = directive({
  name: 'ssl_stapling_verify',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'In nginx, whether OCSP responses are verified before they are sent.',
  differs:
    'they always are: signed by the issuer of the certificate or by a responder that it has ' +
    'authorised, about this certificate, and in their time. The chain above the issuer is not ' +
    'looked at, so ssl_trusted_certificate need not hold it',
  example: 'ssl_stapling_verify on;',
});

/** What a server staples. */
export interface StaplingSettings {
  /** `ssl_stapling_file` */
  readonly file: StapleFile | null;
  /** `ssl_stapling_responder` as it is written. */
  readonly responder: string | null;
}

/** The stapling of a server. Null where it is off, or after a reported error. */
export function staplingSettings(scope: Scope, context: BuildContext): StaplingSettings | null {
  if (!scope.get(sslStapling)) return null;
  const responder = scope.get(sslStaplingResponder)?.text ?? null;
  const given = scope.get(sslStaplingFile);
  if (given === null) return { file: null, responder };
  const file = readStaple(given, context);
  return file === null ? null : { file, responder };
}

function readStaple(given: Argument, context: BuildContext): StapleFile | null {
  const path = resolve(context.configFolder, given.text);
  context.noteTlsFile(path);
  const bytes = context.readBytes(path, given.at, 'OCSP response');
  if (bytes === null) return null;
  if (isOneElement(bytes) && bytes[0] === 0x30) return { path, der: bytes };
  const reason = 'it is no OCSP response in DER';
  context.reportOnce('error', given.at, `cannot load OCSP response "${path}": ${reason}`);
  return null;
}

export const sslStaplingModule: Module = {
  name: 'ssl-stapling',
  directives: [sslStapling, sslStaplingFile, sslStaplingResponder, sslStaplingVerify],
};
