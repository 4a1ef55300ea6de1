// What the lines of the error log about TLS towards upstream servers consist of. A test compares the
// words with what the program writes.

import type { ErrorRow } from '../../src/base/errors.ts';

/** One part of a line. */
export interface LogField {
  /** The words that it begins with. */
  readonly name: string;
  readonly help: string;
}

/** The form of a line. */
export interface LogLine {
  readonly intro: string;
  /** An example with CODE for the code, broken into several lines. */
  readonly sample: string;
  readonly fields: readonly LogField[];
}

const request =
  '`client`, `server`, `request` and `upstream` follow, as in all lines about a request.';

/** A certificate was looked at, and refused. */
export const certificateLine: LogLine = {
  intro: `One line with everything, here broken into several. ${request}`,
  sample: `2026/11/20 10:00:00 [error] 42#42: *7 CODE:
  upstream SSL certificate verify error: <what failed>;
  wanted "orders-1.internal" at 192.0.2.10:8443;
  presented names "DNS:node-17.internal", "DNS:node-17";
  subject "CN=node-17"; issuer "CN=Issuing CA";
  chain: "CN=node-17" <- "CN=Issuing CA" <- "CN=Root CA";
  valid from Oct  1 00:00:00 2026 GMT to Dec 30 00:00:00 2026 GMT;
  sha256 34db1491030eb8e6a04bdaef8508721ae7046c0ba5ac81659da7abf57be43765;
  to mend this: <the directive>,
  client: 198.51.100.7, server: shop.example.com, request: "GET / HTTP/1.1", upstream: "…"`,
  fields: [
    {
      name: 'upstream SSL certificate verify error',
      help: "what failed, in OpenSSL's words where it was OpenSSL that found it",
    },
    {
      name: 'wanted',
      help:
        'the name that was verified (`proxy_ssl_name`, `ssl_name=`, or the host of the server), ' +
        'or those of `proxy_ssl_san`; then the address of the server',
    },
    {
      name: 'presented names',
      help: 'all alternative names of the certificate, with their kind; `none` where it has none',
    },
    { name: 'subject', help: 'of the certificate; not compared with anything' },
    { name: 'issuer', help: 'the CA that issued it' },
    {
      name: 'chain',
      help:
        'the subjects of what the server sent, its own first, and last the issuer of the last ' +
        'one, which has to be trusted here. One arrow: no intermediate CA was sent',
    },
    {
      name: 'valid from',
      help:
        'the days of the certificate. Where a CA of the chain is not valid today, its days ' +
        'follow the fingerprint',
    },
    {
      name: 'sha256',
      help:
        'the fingerprint of the certificate, without colons, to compare with what its operator ' +
        'says (`openssl x509 -noout -fingerprint -sha256` prints it with colons)',
    },
    { name: 'to mend this', help: 'what to change, with the directive' },
  ],
};

/** The handshake failed without a verdict on a certificate. */
export const handshakeLine: LogLine = {
  intro: `One line, here broken into several. ${request}`,
  sample: `2026/11/20 10:00:00 [error] 42#42: *7 CODE:
  <what happened>: alert "<its name>" (<the words of OpenSSL or of the system>);
  on the TLS connection to upstream 192.0.2.10:8443, server name "orders-1.internal",
  no client certificate; to mend this: <the directive>,
  client: 198.51.100.7, server: shop.example.com, request: "GET / HTTP/1.1", upstream: "…"`,
  fields: [
    {
      name: 'alert',
      help: 'the alert that the server sent (RFC 8446, section 6), where it sent one',
    },
    { name: 'on the TLS connection to upstream', help: 'the address of the server' },
    {
      name: 'server name',
      help: 'what was sent as SNI; `no server name sent` where that is switched off, or an address',
    },
    {
      name: 'client certificate',
      help: 'the file of the certificate that this proxy has for the hop, if any',
    },
    { name: 'to mend this', help: 'what to change, with the directive' },
  ],
};

// Those of retry `yes` came before any certificate; of the others, these two come from the protocol.
const ofProtocol = new Set(['UPSTREAM_TLS_CLIENT_CERT_REFUSED', 'UPSTREAM_TLS_KEY_MISMATCH']);

/** The form of the lines of a code, null where there is nothing to explain. */
export function logLineOf(code: string, { retry }: ErrorRow): LogLine | null {
  if (!code.startsWith('UPSTREAM_TLS_') || retry === 'if-resumed') return null;
  return retry === 'yes' || ofProtocol.has(code) ? handshakeLine : certificateLine;
}
