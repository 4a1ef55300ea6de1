// What nginx's `ssl_*` can do and Node cannot: refused in words, where it is more than `off`.

import { directive, listDirective, type DirectiveRow } from '../config/row.ts';
import { custom, flag } from '../config/value-types.ts';
import { inHttpServer } from './contexts.ts';

interface Refusal {
  readonly name: string;
  readonly help: string;
  /** Why `on` is refused. */
  readonly why: string;
  readonly hint: string;
}

function onlyOff({ name, help, why, hint }: Refusal): DirectiveRow<boolean> {
  return directive({
    name,
    contexts: inHttpServer,
    args: 1,
    value: custom('"off"', (node, report) => {
      const value = flag.parse(node, report);
      if (value !== true) return value;
      report.error(node.args[0]?.at ?? node.at, `"${name} on" is not possible: ${why}`, hint);
      return null;
    }),
    default: false,
    defaultText: 'off',
    help,
    differs: `only "off" is accepted: ${why}`,
    example: `${name} off;`,
  });
}

export const sslEarlyData = onlyOff({
  name: 'ssl_early_data',
  help: 'Early data of TLS 1.3 (0-RTT).',
  why: 'Node.js does not offer early data to clients',
  hint: 'remove it; clients then wait for one more round trip when they resume a session',
});

export const sslCertificateCompression = onlyOff({
  name: 'ssl_certificate_compression',
  help: 'Compression of certificates in TLS 1.3 (RFC 8879).',
  why: 'the OpenSSL of Node.js is built without it',
  hint: 'remove it; handshakes then are some kilobytes larger',
});

export const sslEchFile = listDirective<never>({
  name: 'ssl_ech_file',
  contexts: inHttpServer,
  args: 1,
  value: custom<never>('nothing', (node, report) => {
    const message = '"ssl_ech_file" is not possible: the OpenSSL of Node.js has no ECH';
    report.error(node.at, message, 'remove it; server names then are readable on the way');
    return null;
  }),
  help: 'Keys of Encrypted Client Hello.',
  differs: 'always refused: the OpenSSL of Node.js has no Encrypted Client Hello',
});
