// Advice on certificates that no trusted CA vouches for, or not at this time.

import type { ErrorAdvice } from '../error-row.ts';
import { chainDates, keepVerifying, listChain, saveChain, verifyChain } from './commands.ts';

export const tlsTrustAdvice = {
  UPSTREAM_TLS_UNKNOWN_ISSUER: {
    causes: [
      'The certificate comes from a private CA, and `proxy_ssl_trusted_certificate` is not set or ' +
        'names another one. The log line has the issuer that was not found.',
      'The server does not send its intermediate CA. Browsers and some tools get it elsewhere, ' +
        'which is why it may work there. The chain in the log line then has one certificate only.',
      'The file has the intermediate but not the root: a chain has to end at a self-signed root ' +
        'that is in the file.',
      'The CA was exchanged, and its successor is not in the file yet.',
      'The machine has no CA certificates (a bare container), so that the trust store of the ' +
        'system is empty or old.',
      'Somebody on the way presents a certificate of their own: an inspecting firewall or an ' +
        'attacker.',
    ],
    checks: [
      saveChain,
      listChain,
      verifyChain,
      {
        look: 'See which CAs the file has. All certificates in it count, not only the first.',
        run: 'openssl storeutl -noout -text -certs "$CA" | grep -E \'^ *(Issuer|Subject):\'',
      },
    ],
    mend: [
      'Get the root from the operator of the CA, and name the file in ' +
        '`proxy_ssl_trusted_certificate`; several roots may stand one after the other.',
      'Where the intermediate is missing: have the server send it. Its file must have the ' +
        "server's certificate first, then the intermediates.",
      'Where the certificate is of a public CA: install the CA certificates of the system ' +
        '(`ca-certificates`), or name a file that has that root.',
      'Where servers of one group have different CAs: `ssl_trusted_certificate=` on the line of ' +
        'each `server`.',
    ],
    never: [
      'Do not put the certificate that the failing connection shows into the file without ' +
        'comparing its fingerprint with what its operator says.',
      ...keepVerifying,
    ],
    example: {
      context: 'http',
      text: `upstream orders {
    server orders-1.internal:8443;
    server orders.partner.example:443 ssl_trusted_certificate=/etc/sallyport/partner-ca.pem;
}

server {
    location / {
        proxy_pass https://orders;
        proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    }
}`,
    },
  },

  UPSTREAM_TLS_SELF_SIGNED: {
    causes: [
      'The server still has the certificate that its software made when it was installed.',
      'It is meant: there is no CA, and this one certificate is to be trusted.',
      'Another machine answers at this address.',
    ],
    checks: [
      saveChain,
      {
        look:
          'Compare subject and issuer (equal), and the fingerprint with what is on the server ' +
          'itself.',
        run: 'openssl x509 -in chain.pem -noout -subject -issuer -dates -fingerprint -sha256',
      },
    ],
    mend: [
      'Give the server a certificate of a CA that is trusted here.',
      'Or trust exactly this certificate: copy it from the server (not from the connection) and ' +
        'name it in `proxy_ssl_trusted_certificate`. Its names and dates are still checked.',
    ],
    never: keepVerifying,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://appliance.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/appliance.pem;
}`,
    },
  },

  UPSTREAM_TLS_EXPIRED: {
    causes: [
      'The certificate of the server was not renewed.',
      'It was renewed on disk, and the server was not reloaded.',
      'An intermediate CA has expired, or a new one is on disk while the server sends the old one.',
      'The clock of this machine is wrong.',
      'One of several servers behind a load balancer was forgotten.',
    ],
    checks: [
      saveChain,
      chainDates,
      {
        look: 'Ask several times: behind a load balancer each answer may come from another server.',
        run: [
          'for i in 1 2 3 4; do',
          '  openssl s_client -connect "$ADDRESS" -servername "$NAME" </dev/null 2>/dev/null |',
          '    openssl x509 -noout -serial -enddate',
          'done',
        ].join('\n'),
      },
    ],
    mend: [
      'Renew the certificate, install it with its intermediates, and reload the server.',
      'Set the clock, and keep it set (NTP).',
      'To see it coming, put `$upstream_ssl_expires` into the access log.',
    ],
    never: [
      'Do not set the clock back: it makes revoked and expired certificates of all hops good again.',
      ...keepVerifying,
    ],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    # Until the new certificate is there: let through, but log each time.
    proxy_ssl_verify report reason="renewal is under way" until=2027-01-31;
}`,
    },
  },

  UPSTREAM_TLS_NOT_YET_VALID: {
    causes: [
      'The clock of this machine is slow, or was never set: small machines start in 1970.',
      'The clock of the CA, or of the server that made its own certificate, is fast.',
      'The certificate was made for later, and installed too early.',
    ],
    checks: [
      saveChain,
      chainDates,
      {
        look: 'See whether this machine keeps its time.',
        run: 'timedatectl status || date -u',
      },
    ],
    mend: [
      'Set the clock, and keep it set (NTP).',
      'Put the former certificate back until the new one is valid.',
    ],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_DEPTH_EXCEEDED: {
    causes: [
      'There are more intermediate CAs between the certificate and the root than ' +
        '`proxy_ssl_verify_depth` allows. The default is 4; nginx has 1, and configurations that ' +
        'come from there may set it.',
      'The server sends a cross-signed chain, which is one CA longer than the direct one.',
    ],
    checks: [
      saveChain,
      {
        look:
          'Count the lines between the first (`depth=0`) and the last: so many intermediate CAs ' +
          'there are.',
        run: 'openssl verify -CAfile "$CA" -untrusted chain.pem -show_chain chain.pem',
      },
    ],
    mend: [
      'Raise `proxy_ssl_verify_depth` to what the chain needs.',
      'Or trust a root that is nearer, by putting it into the file of ' +
        '`proxy_ssl_trusted_certificate`.',
    ],
    never: keepVerifying,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_verify_depth 5;
}`,
    },
  },
} as const satisfies Record<string, ErrorAdvice>;
