// `$ssl_*`: TLS of the client's connection.

import type { ClientTls } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { Module } from './module.ts';

function fact(name: string, help: string, read: (tls: ClientTls) => string | null): VariableRow {
  return variable(`ssl_${name}`, help, (x: Exchange) =>
    x.client.tls === null ? null : read(x.client.tls),
  );
}

// With its last newline, as nginx.
function pem(tls: ClientTls): string | null {
  return tls.certificate === null ? null : tls.certificate.toString();
}

// A field of several lines (obsolete: RFC 9112, 5.2), which is why there are the other two forms.
function folded(tls: ClientTls): string | null {
  return pem(tls)?.trimEnd().replaceAll('\n', '\n\t') ?? null;
}

const rows: readonly VariableRow[] = [
  fact('protocol', 'TLS version.', (tls) => tls.protocol),
  fact('cipher', 'Cipher suite.', (tls) => tls.cipher),
  fact(
    'curve',
    'Key exchange group agreed on. Node.js does not tell a server: it is always empty.',
    (tls) => tls.curve || null,
  ),
  fact('ciphers', 'Cipher suites that the client offered.', (tls) => tls.ciphersOffered),
  fact('curves', 'Key exchange groups that the client offered.', (tls) => tls.curvesOffered),
  fact(
    'sigalgs',
    'Signature schemes that the client offered.',
    (tls) => tls.sigalgsOffered || null,
  ),
  fact(
    'sigalg',
    "Signature scheme of the server's certificate; empty where the session was resumed.",
    (tls) => tls.sigalg || null,
  ),
  fact(
    'client_sigalg',
    "Signature scheme of the client's certificate. Node.js does not tell it: it is always empty.",
    () => null,
  ),
  fact('alpn_protocol', 'Protocol agreed on by ALPN.', (tls) => tls.alpn || null),
  fact(
    'server_name',
    'Name that the client asked for by SNI, in lower case.',
    (tls) => tls.serverName || null,
  ),
  fact('session_reused', '"r" where the session was resumed, else ".".', (tls) =>
    tls.reused ? 'r' : '.',
  ),
  fact(
    'session_id',
    'Id of the session in hex; empty where the client keeps the session in a ticket.',
    (tls) => tls.sessionId || null,
  ),
  fact('early_data', '"1" for early data. Node.js has none: it is always empty.', () => null),
  fact('ech_status', 'Outcome of ECH. Node.js has none: it is always empty.', () => null),
  fact(
    'ech_outer_server_name',
    'Public name of an ECH handshake. Node.js has none: it is always empty.',
    () => null,
  ),
  fact('client_verify', 'NONE, SUCCESS or FAILED:reason.', (tls) => tls.verify),
  fact('client_s_dn', 'Subject of the client certificate.', (tls) => tls.subject || null),
  fact('client_i_dn', 'Issuer of the client certificate.', (tls) => tls.issuer || null),
  fact(
    'client_s_dn_legacy',
    'Subject of the client certificate in the old form, /C=…/CN=….',
    (tls) => tls.subjectLegacy || null,
  ),
  fact(
    'client_i_dn_legacy',
    'Issuer of the client certificate in the old form.',
    (tls) => tls.issuerLegacy || null,
  ),
  fact('client_serial', 'Serial number of the client certificate.', (tls) => tls.serial || null),
  fact('client_fingerprint', 'SHA-1 of the client certificate.', (tls) => tls.fingerprint || null),
  fact('client_v_start', 'Start of its validity.', (tls) => tls.notBefore || null),
  fact('client_v_end', 'End of its validity.', (tls) => tls.notAfter || null),
  fact('client_v_remain', 'Days until the end of its validity.', (tls) => tls.daysLeft || null),
  fact('client_raw_cert', 'The client certificate in PEM.', pem),
  fact('client_cert', 'The same with a tab before each line but the first; deprecated.', folded),
  fact('client_escaped_cert', 'The client certificate in PEM, percent-encoded.', (tls) => {
    const raw = pem(tls);
    return raw === null ? null : encodeURIComponent(raw);
  }),
];

export const sslVariablesModule: Module = {
  name: 'ssl variables',
  directives: [],
  variables: rows,
};
