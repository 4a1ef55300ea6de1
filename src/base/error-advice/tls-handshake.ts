// Advice on handshakes that failed before there was a certificate to judge, or after it was judged.

import type { ErrorAdvice } from '../error-row.ts';
import { saveChain } from './commands.ts';

const seeHandshake = {
  look: 'Shake hands as OpenSSL does, and see what comes back.',
  run: 'openssl s_client -connect "$ADDRESS" -servername "$NAME" </dev/null',
};

const tryVersions = {
  look:
    'See which versions the server speaks. Versions before TLS 1.2 need `@SECLEVEL=0` to be ' +
    'offered at all.',
  run: [
    'for version in tls1 tls1_1 tls1_2 tls1_3; do',
    '  echo "$version: $(openssl s_client -connect "$ADDRESS" -servername "$NAME" -"$version" \\',
    "    -cipher 'ALL:@SECLEVEL=0' </dev/null 2>/dev/null | grep 'Cipher is')\"",
    'done',
  ].join('\n'),
};

const upstreamLog = {
  look: 'Read the log of the upstream server at the time of the line: it knows why it refused.',
  run: 'date -u',
};

export const tlsHandshakeAdvice = {
  UPSTREAM_TLS_CLIENT_CERT_REFUSED: {
    causes: [
      'The server demands a client certificate, and none is configured for this hop.',
      'The one presented comes from a CA that the server does not know, or lacks the intermediate.',
      'It has expired, is revoked, or may not be used for clients (extended key usage clientAuth).',
      'It is accepted by the CA, and the server denies access to its name.',
      'With TLS 1.3 the server looks at it after the handshake, so that the failure may appear ' +
        'with the first request only.',
    ],
    checks: [
      {
        look: 'See which CAs the server accepts (`Acceptable client certificate CA names`).',
        run: 'openssl s_client -connect "$ADDRESS" -servername "$NAME" </dev/null',
      },
      {
        look: 'See dates, issuer and purpose of the one that is presented.',
        run: [
          'openssl x509 -in "$CLIENT" -noout -subject -issuer -dates -ext extendedKeyUsage',
        ].join('\n'),
      },
      {
        look: 'Present it by hand. An alert after the handshake means that it was refused.',
        run: [
          '(sleep 1; echo) | openssl s_client -connect "$ADDRESS" -servername "$NAME" \\',
          '  -cert "$CLIENT" -cert_chain "$CLIENT" -key "$CLIENT_KEY"',
        ].join('\n'),
      },
    ],
    mend: [
      'Set `proxy_ssl_certificate` (certificate, then its intermediates) and ' +
        '`proxy_ssl_certificate_key`; for one server of a group `ssl_certificate=` and ' +
        '`ssl_certificate_key=` on its line.',
      'Have the server trust the CA of the certificate.',
    ],
    never: [
      'Do not make the server accept every client instead: anybody who reaches it is then one of ' +
        'its users.',
    ],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    proxy_ssl_certificate /etc/sallyport/proxy-client.pem;
    proxy_ssl_certificate_key /etc/sallyport/proxy-client.key;
}`,
    },
  },

  UPSTREAM_TLS_HANDSHAKE_REFUSED: {
    causes: [
      'There is no cipher suite, group or signature algorithm that both accept (alert ' +
        'handshake_failure or insufficient_security).',
      'The server does not know the name that was sent (alert unrecognized_name).',
      'It demands a client certificate, and says no more than handshake_failure (TLS 1.2).',
      'It wants a protocol by ALPN, which this proxy does not send (alert ' +
        'no_application_protocol).',
    ],
    checks: [
      seeHandshake,
      {
        look: 'See whether the name matters.',
        run: 'openssl s_client -connect "$ADDRESS" -noservername </dev/null 2>&1 | head -20',
      },
      {
        look: 'See whether it accepts anything at all: everything that OpenSSL has is offered.',
        run: [
          'openssl s_client -connect "$ADDRESS" -servername "$NAME" \\',
          "  -cipher 'ALL:@SECLEVEL=0' </dev/null 2>&1 | grep -E 'Cipher is|alert'",
        ].join('\n'),
      },
    ],
    mend: [
      'Extend `proxy_ssl_ciphers`, or `proxy_ssl_groups`, by what the server has; better, extend ' +
        'those of the server.',
      'Correct `proxy_ssl_name` (or `ssl_name=` on the line of the `server`) to a name that it ' +
        'serves.',
      'Where it demands a client certificate, set `proxy_ssl_certificate`.',
    ],
    never: ['`proxy_ssl_verify off` changes nothing: it is the server that refuses.'],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://legacy.internal:8443;
    proxy_ssl_ciphers DEFAULT:AES128-SHA256;
    proxy_ssl_groups X25519MLKEM768:X25519:P-256:P-384;
}`,
    },
  },

  UPSTREAM_TLS_PROTOCOL_MISMATCH: {
    causes: [
      'The server speaks TLS 1.0 or 1.1 only.',
      '`proxy_ssl_protocols` was narrowed to TLS 1.3, and the server speaks 1.2.',
      'The server was narrowed to TLS 1.3, and `proxy_ssl_protocols` lacks it.',
    ],
    checks: [tryVersions],
    mend: [
      'Update the server; TLS 1.2 is from 2008.',
      'List what it speaks in `proxy_ssl_protocols`. TLS 1.0 and 1.1 also need `@SECLEVEL=0` in ' +
        '`proxy_ssl_ciphers`, because OpenSSL otherwise has no signature for them; both are ' +
        'warned about at start. Limit it to the one location, or the one server block, that ' +
        'needs it.',
    ],
    never: [
      'Do not set old versions at the level of `http`: all hops could then be talked down to them.',
    ],
    example: {
      context: 'server',
      text: `location /legacy/ {
    proxy_pass https://legacy.internal:8443;
    proxy_ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    proxy_ssl_ciphers DEFAULT:@SECLEVEL=0;
}`,
    },
  },

  UPSTREAM_TLS_NOT_TLS: {
    causes: [
      'The port is one of plain HTTP.',
      'The server wants something before TLS: a PROXY protocol line, or STARTTLS.',
      'Something on the way answers instead: a captive portal, a filter.',
    ],
    checks: [
      {
        look: 'If this gives an HTTP response, the port speaks plain HTTP.',
        run: 'curl -sS -i --max-time 5 "http://$ADDRESS/" | head -5',
      },
      seeHandshake,
    ],
    mend: [
      'Correct the port in `proxy_pass`, or on the line of the `server`.',
      'Where the hop is plain on purpose, for example over the loopback interface, write ' +
        '`http://`. It is then listed as not encrypted at start.',
    ],
    never: [
      'Do not write `http://` for a hop that leaves the machine just to get rid of the message.',
    ],
    example: {
      context: 'http',
      text: `upstream orders {
    server orders-1.internal:8443;
}

server {
    location / {
        proxy_pass https://orders;
    }

    location /status {
        proxy_pass http://127.0.0.1:9100;
    }
}`,
    },
  },

  UPSTREAM_TLS_SESSION_STALE: {
    causes: [
      'A CA, revocation list, pin or certificate changed while the connection was being opened: ' +
        'sessions of before do not count any more.',
      'The full handshake that the session came from was an hour ago, or a certificate, revocation ' +
        'list or OCSP response of then ran out just now.',
    ],
    checks: [],
    mend: [
      'Nothing has to be mended. No byte of the request had been sent; it went out over a new ' +
        'connection whose server was verified in full.',
    ],
    never: ['`proxy_ssl_session_reuse off` costs a full handshake for each connection.'],
    example: null,
  },

  UPSTREAM_TLS_HANDSHAKE_CLOSED: {
    causes: [
      'The server does not know the server name that was sent, and closes without an alert.',
      'It demands a client certificate, and closes without an alert.',
      'It speaks none of the versions, or is not a TLS server at all.',
      'A firewall or load balancer has no server behind the port.',
      'It was restarted just then, or has more connections than it can take.',
    ],
    checks: [seeHandshake, tryVersions, upstreamLog],
    mend: [
      'The log of the upstream server has the reason; from here only the close is to be seen.',
      'Try in this order: port, `proxy_ssl_name`, `proxy_ssl_certificate`, `proxy_ssl_protocols`.',
    ],
    never: ['`proxy_ssl_verify off` changes nothing: no certificate was seen yet.'],
    example: null,
  },

  UPSTREAM_TLS_HANDSHAKE_FAILED: {
    causes: [
      'The message has the words of OpenSSL: an alert without a code of its own, or bytes of the ' +
        'server that do not fit the protocol.',
      'The server lacks secure renegotiation (RFC 5746).',
      'Something between both changes bytes: a faulty load balancer, an inspecting firewall, bad ' +
        'memory (`bad record mac`).',
    ],
    checks: [seeHandshake, saveChain, upstreamLog],
    mend: [
      'Update the server, or what is between.',
      'Where it happens with TLS 1.3 only, and cannot be mended soon: `proxy_ssl_protocols ' +
        'TLSv1.2` for that hop.',
    ],
    never: ['`proxy_ssl_verify off` changes nothing: it is not the certificate that is refused.'],
    example: null,
  },
} as const satisfies Record<string, ErrorAdvice>;
