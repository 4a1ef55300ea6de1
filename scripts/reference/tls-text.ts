// What docs/tls.md says before the rows: how verification works as a whole. Names of directives are
// checked by the tests of the documents, and the pieces of configuration are parsed.

/** A paragraph, a piece of configuration, a numbered list or a list. */
export type TextBlock =
  | string
  | { readonly code: string; readonly context: 'http' | 'server' }
  | { readonly steps: readonly string[] }
  | { readonly items: readonly string[] };

export const introduction: readonly TextBlock[] = [
  'Every TLS connection to an upstream server is verified unless the configuration says otherwise ' +
    'for that hop. Nothing has to be switched on: with `https://` in `proxy_pass`, chain, dates, ' +
    'purpose and name of the certificate are checked, and not one byte of the request leaves before.',
  {
    context: 'http',
    code: `upstream orders {
    server orders-1.internal:8443;
    server 192.0.2.11:8443 ssl_name=orders-2.internal;
}

server {
    location / {
        proxy_pass https://orders;
        proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    }
}`,
  },
];

export const verificationOrder: readonly TextBlock[] = [
  {
    steps: [
      'The TLS handshake, with a version of `proxy_ssl_protocols`, a suite of `proxy_ssl_ciphers` ' +
        'and a group of `proxy_ssl_groups`; the server proves that it has the key of its ' +
        'certificate. By default the post-quantum X25519MLKEM768 is offered first.',
      'The chain, by OpenSSL: from the certificate over the intermediates that were sent to a root ' +
        'in `proxy_ssl_trusted_certificate` or, without that directive, in the trust store of the ' +
        'system. Signatures, dates, the purpose serverAuth, CA flags, path lengths and name ' +
        'constraints of the CAs; keys and digests that are too weak; and, with `proxy_ssl_crl`, ' +
        'the revocation list of every CA of the chain.',
      'The name: `ssl_name=` of the `server`, else `proxy_ssl_name`, else the host of the server ' +
        'that was picked. It must be among the DNS names of the certificate, or among its IP ' +
        'names where it is an address. A `*` stands for exactly one whole label. The common name ' +
        'does not count (RFC 9525), unless `proxy_ssl_verify_cn on`. With `proxy_ssl_san` one of ' +
        'its names must be there instead.',
      'The number of intermediate CAs: `proxy_ssl_verify_depth`.',
      'The keys: with `proxy_ssl_pin` or `ssl_pin=`, one of them must be in the verified chain.',
      'The stapled OCSP response, as `proxy_ssl_ocsp` says: signature, responder, certificate, ' +
        'dates, status.',
    ],
  },
  'The first check that fails decides about the error code. A refusal is an answer of 502 and one ' +
    'line in the log; it is never tried again on another server, since that would hide it.',
];

export const policyKey: readonly TextBlock[] = [
  'All TLS settings of a hop, with the content of all files that they name, make one policy, and ' +
    'its key is a hash over everything in it. Connections that are kept open and TLS sessions ' +
    'belong to this key together with the address, the server name sent and the name verified. Two ' +
    'locations that pass to one group with different CAs, names, pins, client certificates, ' +
    'revocation lists or verify modes therefore share neither connections nor sessions: what one ' +
    'may use, the other cannot.',
  'nginx keeps sessions for each server of a group. Where two locations use one group with ' +
    'different CAs, the one with the wrong CA answers 200 once the other was used.',
];

export const resumption: readonly TextBlock[] = [
  'A resumed handshake shows no certificate: neither chain nor name nor revocation can be looked at ' +
    'again. So what was found out at the full handshake is kept with the session, ' +
    '`$upstream_ssl_subject` and its like show it on resumed connections, too, and the session is ' +
    'not used beyond the earliest of',
  {
    items: [
      'one hour after the full handshake,',
      'the end of the validity of any certificate of the verified chain,',
      'the nextUpdate of a revocation list or of the OCSP response that was relied on,',
      'a change of the CAs, revocation lists, pins or any other setting: another policy key.',
    ],
  },
  'A connection that is kept open takes no new request beyond these times either, the hour excepted: ' +
    'when a certificate of its chain has expired, the next request gets a new connection with a full ' +
    'handshake. Requests that have begun, and upgraded connections, go on.',
  '`proxy_ssl_session_reuse off` makes every connection a full handshake.',
];

export const weakening: readonly TextBlock[] = [
  'A hop that has to be weaker says so itself, why, and until when:',
  {
    context: 'server',
    code: `location /legacy/ {
    proxy_pass https://legacy.internal:8443;
    proxy_ssl_verify off reason="replaced by the new billing" until=2027-01-31;
}

location /moving/ {
    proxy_pass https://moving.internal:8443;
    proxy_ssl_verify report reason="certificates are being exchanged" until=2027-01-31;
}`,
  },
  {
    items: [
      '`report` checks everything. What would have been refused is logged with its code, counted, ' +
        'and let through; `$upstream_ssl_verify` has `REPORTED:` and the code. It is the way to find ' +
        'out what `on` would refuse, before it does.',
      '`off` checks nothing but pins, which are then compared with the key of the server itself ' +
        'alone: a chain that nobody verifies can contain anything.',
      '`until=` ends both at 24:00 UTC of that day: from then on the hop is verified, also without a ' +
        'restart. From 30 days before there is a warning.',
      'At every start and reload the log has a line for each such hop, with file and line; a hop ' +
        'with `http://` is counted as not encrypted.',
    ],
  },
  'With `report` and `off` anybody on the way can be the upstream server. A server that refuses the ' +
    'handshake itself, or cannot prove that it has its key, is not let through by either.',
];

export const reloading: readonly TextBlock[] = [
  'Files of certificates, keys, CAs and revocation lists are watched (`ssl_reload`). A new pair is ' +
    'read, key and certificate are matched, and it is swapped in for new handshakes of all workers ' +
    'at once. What is half-written, malformed or does not match is refused and named in the log, ' +
    'and the last good one stays. A CA or revocation list that has changed makes another policy: ' +
    'sessions of the old one are not used any more, its idle connections are closed, and those in ' +
    'use end with the response that they are carrying. Nothing in flight is lost.',
  'Replace files by renaming, so that no reader ever sees half of one. The configuration itself is ' +
    'read by a reload (`-s reload`) only.',
];

export const towardsClients: readonly TextBlock[] = [
  'The first message of a client is read before a certificate is chosen. Everything below, client ' +
    'certificates included, is therefore that of the server whose `server_name` the client asked ' +
    'for, also where several share a port. A TLS session made with one server is not accepted by ' +
    'another one: it belongs to the whole policy of its server (in nginx: CVE-2025-23419).',
  {
    context: 'http',
    code: `server {
    listen 443 ssl;
    server_name shop.example.com;
    # For clients of either kind of key.
    ssl_certificate     /etc/sallyport/shop-ecdsa.pem;
    ssl_certificate_key /etc/sallyport/shop-ecdsa.key;
    ssl_certificate     /etc/sallyport/shop-rsa.pem;
    ssl_certificate_key /etc/sallyport/shop-rsa.key;
}

server {
    listen 443 ssl;
    server_name partners.example.com;
    ssl_certificate        /etc/sallyport/partners.pem;
    ssl_certificate_key    /etc/sallyport/partners.key;
    ssl_client_certificate /etc/sallyport/partner-ca.pem;
    ssl_verify_client      on;
    error_page 495 496 /certificate-needed.html;
}`,
  },
  'A client without a certificate, or with one that is no good, gets 400 as from nginx, and ' +
    '`error_page` knows both cases as 496 and 495; plain HTTP on such a port is 497.',
];
