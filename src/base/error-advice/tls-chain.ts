// Advice on certificates that were issued wrongly: purpose, constraints, keys and signatures.

import type { ErrorAdvice } from '../error-row.ts';
import { keepVerifying, listChain, saveChain, verifyChain } from './commands.ts';

const showUsage = {
  look:
    'See what the certificate may be used for. `TLS Web Server Authentication` must be among the ' +
    'extended key usages, where there are any.',
  run: 'openssl x509 -in chain.pem -noout -ext basicConstraints,keyUsage,extendedKeyUsage',
};

const showIssuers = {
  look:
    'Look at the certificates of the CAs: each needs `CA:TRUE`; `pathlen:N` allows N CAs below ' +
    'it; `Name Constraints` restrict the names.',
  run: [
    'openssl storeutl -noout -text -certs chain.pem |',
    "  grep -E -A4 '^ *Subject:|Basic Constraints|Key Usage|Name Constraints' |",
    "  grep -E 'Subject:|CA:|Sign|Permitted|Excluded|DNS:|IP:'",
  ].join('\n'),
};

const reissue =
  'The mistake is in the certificate: it has to be issued anew. No directive makes it a good one.';

export const tlsChainAdvice = {
  UPSTREAM_TLS_WRONG_PURPOSE: {
    causes: [
      "A client's certificate was installed on the server: its extended key usage has clientAuth " +
        'and not serverAuth.',
      'The CA issues by a template for another purpose (e-mail, code signing).',
      'An intermediate CA is itself restricted to other purposes.',
    ],
    checks: [saveChain, showUsage, verifyChain],
    mend: [
      reissue,
      'Ask for the extended key usage serverAuth; for a server that is also a client of others, ' +
        'serverAuth and clientAuth.',
    ],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_INVALID_CA: {
    causes: [
      "A server's certificate was used to issue another one: its issuer lacks `CA:TRUE`.",
      'The intermediate CA was made without basic constraints, or without the key usage ' +
        'keyCertSign.',
      'Somebody who has an ordinary certificate with its key plays CA.',
    ],
    checks: [saveChain, listChain, showIssuers],
    mend: [reissue, 'The certificate of the CA needs basicConstraints CA:TRUE, and keyCertSign.'],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_PATH_LENGTH_EXCEEDED: {
    causes: [
      'A CA whose certificate says `pathlen:0` has issued a certificate to another CA.',
      'A CA was inserted into the chain, and the limits above it were not raised.',
    ],
    checks: [saveChain, listChain, showIssuers],
    mend: [
      reissue,
      'Issue the server certificate by the CA that may do so, or renew the certificate of the CA ' +
        'above with a larger `pathlen`. This limit is in the certificates and has nothing to do ' +
        'with `proxy_ssl_verify_depth`.',
    ],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_NAME_CONSTRAINT: {
    causes: [
      'The CA may issue for some names only (`Permitted: DNS:corp.example`), and the certificate ' +
        'has one beyond them.',
      'The certificate has several names, of which a single one is not allowed: that is enough.',
      'The common name is a host name that is not allowed, in a certificate without alternative ' +
        'names.',
    ],
    checks: [
      saveChain,
      showIssuers,
      {
        look: 'Compare them with the names of the certificate.',
        run: 'openssl x509 -in chain.pem -noout -subject -ext subjectAltName',
      },
    ],
    mend: [
      reissue,
      'Leave out the name that is not allowed, or have the certificate issued by a CA that may.',
    ],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_WEAK_KEY: {
    causes: [
      'The certificate has an RSA key of less than 2048 bits, or an elliptic curve of less than ' +
        '224.',
      'A CA in the chain has such a key.',
      'The server offers Diffie-Hellman parameters of less than 2048 bits (TLS 1.2, cipher suites ' +
        'with DHE).',
    ],
    checks: [
      saveChain,
      {
        look: 'See the size of every key of the chain.',
        run: "openssl storeutl -noout -text -certs chain.pem | grep -E '^ *Subject:|Public-Key'",
      },
      {
        look: 'See what is agreed on for the key exchange (`Server Temp Key`).',
        run: [
          'openssl s_client -connect "$ADDRESS" -servername "$NAME" -tls1_2 </dev/null 2>/dev/null |',
          "  grep -E 'Server Temp Key|Cipher is'",
        ].join('\n'),
      },
    ],
    mend: [
      'Make a new key (RSA of 2048 bits or more, or an elliptic curve such as P-256) and have a ' +
        'certificate issued for it.',
      'For the key exchange: take the cipher suites with DHE out of `proxy_ssl_ciphers`, or give ' +
        'the server larger parameters.',
      'The limits are those of the security level of OpenSSL, which is 2 here. Where old machinery ' +
        'cannot have a better key, `@SECLEVEL=1` in `proxy_ssl_ciphers` accepts 1024 bits, on that ' +
        'hop alone. Such a key can be broken by those who can pay for it.',
    ],
    never: keepVerifying,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://legacy.internal:8443;
    # Until the machine is replaced; for this location only.
    proxy_ssl_ciphers DEFAULT:@SECLEVEL=1;
}`,
    },
  },

  UPSTREAM_TLS_WEAK_SIGNATURE: {
    causes: [
      'The certificate, or an intermediate CA, is signed with SHA-1 or MD5. The signature of a ' +
        'trusted root does not count.',
      'The CA is old, or its software has not been told to use SHA-256.',
    ],
    checks: [
      saveChain,
      {
        look: 'See the signature algorithm of every certificate of the chain.',
        run: [
          'openssl storeutl -noout -text -certs chain.pem |',
          "  grep -E '^ *Subject:|Signature Algorithm'",
        ].join('\n'),
      },
    ],
    mend: [
      'Have the certificate issued anew, with SHA-256 or better.',
      'Where that takes time, `@SECLEVEL=0` in `proxy_ssl_ciphers` accepts SHA-1 on that hop: a ' +
        'forged certificate can then pass for the genuine one.',
    ],
    never: keepVerifying,
    example: null,
  },

  UPSTREAM_TLS_KEY_MISMATCH: {
    causes: [
      'The server presents a certificate whose key it does not have: new certificate, old key, or ' +
        'the other way round.',
      'Somebody replays the certificate of the real server, which is public, without having its ' +
        'key.',
      'Something on the way changes bytes of the handshake.',
    ],
    checks: [
      {
        look: 'OpenSSL meets the same: the handshake ends with a signature that does not fit.',
        run: 'openssl s_client -connect "$ADDRESS" -servername "$NAME" </dev/null',
      },
      {
        look: 'On the server: both lines must be equal.',
        run: [
          'openssl x509 -in server.pem -noout -pubkey | openssl sha256',
          'openssl pkey -in server.key -pubout | openssl sha256',
        ].join('\n'),
      },
    ],
    mend: ['Install certificate and key that belong together, and reload the server.'],
    never: [
      'No setting of this proxy accepts it, `proxy_ssl_verify off` and `report` included: without ' +
        'the key there is no connection.',
    ],
    example: null,
  },

  UPSTREAM_TLS_UNTRUSTED: {
    causes: [
      'The log line names what OpenSSL found: an unknown critical extension, a signature that does ' +
        'not fit, a date that cannot be read, a certificate that the file of CAs forbids.',
      'The certificate was changed after it was signed, or made by faulty software.',
    ],
    checks: [
      saveChain,
      verifyChain,
      {
        look: 'Read the whole certificate; what matters most is marked `critical`.',
        run: 'openssl x509 -in chain.pem -noout -text',
      },
    ],
    mend: [reissue],
    never: keepVerifying,
    example: null,
  },
} as const satisfies Record<string, ErrorAdvice>;
