// Advice on certificates that prove to be somebody else's: name, alternative name, key.

import type { ErrorAdvice } from '../error-row.ts';
import { keepVerifying, saveChain } from './commands.ts';

const showNames = {
  look:
    'See the names that it has. Only `DNS:` and `IP Address:` entries count; the common name in ' +
    'the subject does not (RFC 9525).',
  run: 'openssl x509 -in chain.pem -noout -subject -ext subjectAltName',
};

export const tlsIdentityAdvice = {
  UPSTREAM_TLS_NAME_MISMATCH: {
    causes: [
      'The server is given by address, or by a name of its own (`node-17.internal`), while the ' +
        'certificate is for the name of the service. The log line has both: compare `wanted` with ' +
        '`presented names`.',
      'The name is only in the common name of the certificate, which is not compared.',
      'The server has several certificates and shows its default one, because no server name ' +
        '(SNI) or another one was sent.',
      'A wildcard stands for exactly one whole label: `*.internal` is not for `a.b.internal`, nor ' +
        'for `internal`, and `a*.internal` is for nothing.',
      'An IP address was wanted, and the certificate has it as a DNS name or not at all.',
      'Another server answers at this address: DNS, a load balancer or an attacker sent the ' +
        'connection there.',
    ],
    checks: [
      saveChain,
      showNames,
      {
        look:
          'See whether the certificate depends on the name that is sent. If the two differ, the ' +
          'server chooses by SNI.',
        run: [
          'openssl s_client -connect "$ADDRESS" -noservername </dev/null 2>/dev/null |',
          '  openssl x509 -noout -subject -fingerprint -sha256',
          'openssl x509 -in chain.pem -noout -subject -fingerprint -sha256',
        ].join('\n'),
      },
    ],
    mend: [
      'Say which name the certificate is for: `proxy_ssl_name` for all servers of a group, ' +
        '`ssl_name=` on the line of a `server` for one of them. It is sent as SNI, too.',
      'Or issue the certificate for the wanted name, as a DNS or IP alternative name.',
      'A certificate that has its name only in the subject is accepted with ' +
        '`proxy_ssl_verify_cn on`, as nginx does; a new certificate is better.',
    ],
    never: [
      'Do not take the name from the client (`proxy_ssl_name $host`): whoever sends the request ' +
        'then says which certificate is the right one. A fixed name, or one per server, is safe.',
      ...keepVerifying,
    ],
    example: {
      context: 'http',
      text: `upstream orders {
    server 192.0.2.10:8443 ssl_name=orders-1.internal;
    server 192.0.2.11:8443 ssl_name=orders-2.internal;
}

server {
    location / {
        proxy_pass https://orders;
        proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    }

    location /billing/ {
        proxy_pass https://192.0.2.20:8443;
        proxy_ssl_name billing.internal;
    }
}`,
    },
  },

  UPSTREAM_TLS_SAN_MISMATCH: {
    causes: [
      'The list of `proxy_ssl_san` has a misprint, or the identity of the service was changed. ' +
        'URIs are compared byte for byte: case, a trailing slash and the port count.',
      'The kind is wrong: `dns:` does not match a URI name, nor `uri:` a DNS name.',
      'The certificate comes from an issuer that does not write alternative names of that kind.',
      'The connection reached another service of the same mesh: its certificate is genuine, but ' +
        'not the one that was meant.',
    ],
    checks: [
      saveChain,
      {
        look: 'See the names of all kinds that the certificate has.',
        run: 'openssl x509 -in chain.pem -noout -ext subjectAltName',
      },
    ],
    mend: [
      'List the name as the certificate has it, with its kind: `dns:`, `ip:` or `uri:`. One of ' +
        'those listed is enough. The host name is not compared where `proxy_ssl_san` is set.',
      'Or have the certificate issued with the name that is listed.',
    ],
    never: [
      'Do not widen the list until it fits: a `dns:*.internal` beside a SPIFFE identity accepts ' +
        'every service that the CA serves.',
      ...keepVerifying,
    ],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/mesh-ca.pem;
    proxy_ssl_san uri:spiffe://example.org/orders uri:spiffe://example.org/orders-canary;
}`,
    },
  },

  UPSTREAM_TLS_PIN_MISMATCH: {
    causes: [
      'The upstream has a new key, and its pin was not added before. A renewed certificate with ' +
        'the same key keeps its pin.',
      'The pin is that of another certificate of the chain which is not sent, or not used, any ' +
        'more: an intermediate CA was exchanged.',
      'The pin was computed over the certificate instead of its public key ' +
        '(SubjectPublicKeyInfo).',
      'Somebody has a certificate from a trusted CA for this name, but not the key: exactly what ' +
        'pins are there to find.',
    ],
    checks: [
      saveChain,
      {
        look: "Compute the pin of the server's own key, and compare it with those configured.",
        run: [
          'openssl x509 -in chain.pem -noout -pubkey | openssl pkey -pubin -outform der |',
          '  openssl dgst -sha256 -binary | openssl base64',
        ].join('\n'),
      },
      {
        look: 'The same of every certificate that it sent, in their order.',
        run: [
          'awk \'/-BEGIN/{n++} {print > ("chain-" n ".pem")}\' chain.pem',
          'for one in chain-*.pem; do',
          '  openssl x509 -in "$one" -noout -subject',
          '  openssl x509 -in "$one" -noout -pubkey | openssl pkey -pubin -outform der |',
          '    openssl dgst -sha256 -binary | openssl base64',
          'done',
        ].join('\n'),
      },
    ],
    mend: [
      'Once you know, from its operator and not from the connection, that the new key is the ' +
        "server's: put its pin in, beside that of the next key.",
      'Before the next change of keys: add the pin of the new key, reload, then exchange the key, ' +
        'then remove the old pin. This is why a single pin is refused.',
      'To be free in renewing certificates, pin the key of the CA that issues them: one of the ' +
        'pins must be in the verified chain, no matter where.',
    ],
    never: [
      'Do not copy the pin that the failing connection shows without asking: a pin taken from an ' +
        'attacker protects the attacker.',
      ...keepVerifying,
    ],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    # The key in use, and the one that comes next.
    proxy_ssl_pin sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=
                  sha256/xsHJqchUPx5M2YAGTPFiXuthqQcDskZP/wOfIWglCLM=;
}`,
    },
  },
} as const satisfies Record<string, ErrorAdvice>;
