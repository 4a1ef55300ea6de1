// Advice on revocation: lists (CRL) and stapled answers (OCSP).

import type { ErrorAdvice } from '../error-row.ts';
import { keepVerifying, saveChain } from './commands.ts';

const showCrl = {
  look: 'See of which CA the list is, and until when. A file may hold several lists.',
  run: 'openssl storeutl -noout -text -crls "$CRL" | grep -E \'Issuer:|Last Update|Next Update\'',
};

const showStaple = {
  look:
    'See what the server staples. `no response sent`: nothing. Otherwise `Cert Status` must be ' +
    '`good`, and today between `This Update` and `Next Update`.',
  run: [
    'openssl s_client -connect "$ADDRESS" -servername "$NAME" -status </dev/null 2>/dev/null |',
    "  grep -E 'OCSP [Rr]esponse|Responder Id|Cert Status|Serial Number|This Update|Next Update'",
  ].join('\n'),
};

// The second certificate of what was presented is the issuer, as a rule.
const askResponder = {
  look: 'Ask the responder of the CA itself. The last line says what it holds of the certificate.',
  run: [
    'awk \'/-BEGIN/{n++} {print > ("chain-" n ".pem")}\' chain.pem',
    'openssl ocsp -issuer chain-2.pem -cert chain-1.pem -CAfile "$CA" -resp_text \\',
    '  -url "$(openssl x509 -in chain-1.pem -noout -ocsp_uri)"',
  ].join('\n'),
};

const freshLists = [
  'Fetch a new list from the CA, and put it in the place of the old one by renaming: files are ' +
    'watched and read again on their own.',
  'Fetch it on a timer, more often than the CA issues it; the proxy never fetches lists itself.',
];

const keepRevocation: readonly string[] = [
  'Removing `proxy_ssl_crl` accepts every certificate whose key was stolen, without a word in the ' +
    'log.',
  ...keepVerifying,
];

export const tlsRevocationAdvice = {
  UPSTREAM_TLS_REVOKED: {
    causes: [
      'The certificate was replaced and then revoked, and one server still has the old one.',
      'Its key was stolen or lost: whoever answers may not be the real server.',
      'An intermediate CA was revoked, and with it all certificates that it issued.',
    ],
    checks: [
      saveChain,
      {
        look: 'See whether its serial number is in the list, since when, and why.',
        run: [
          'serial=$(openssl x509 -in chain.pem -noout -serial | cut -d= -f2)',
          'openssl storeutl -noout -text -crls "$CRL" | grep -A4 "Serial Number: $serial"',
        ].join('\n'),
      },
      showStaple,
    ],
    mend: [
      'Install a certificate with a new key on the server, and reload it. A revoked certificate ' +
        'never becomes good again.',
      'Find out from the CA why it was revoked, before you do anything else.',
    ],
    never: keepRevocation,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
    proxy_ssl_crl /etc/sallyport/internal-ca.crl;
}`,
    },
  },

  UPSTREAM_TLS_CRL_MISSING: {
    causes: [
      'With `proxy_ssl_crl` every CA of the chain needs a list, the root included; the file has ' +
        'that of one of them only.',
      'A new intermediate CA issues now, and its list is not in the file.',
      'The list is of a CA with the same name but another key.',
    ],
    checks: [
      saveChain,
      {
        look: 'These CAs need a list.',
        run: 'openssl verify -CAfile "$CA" -untrusted chain.pem -show_chain chain.pem',
      },
      showCrl,
      {
        look: 'See where the CA publishes its list.',
        run: 'openssl x509 -in chain.pem -noout -ext crlDistributionPoints',
      },
    ],
    mend: [
      'Add the missing list: the lists of several CAs may stand one after the other in the file ' +
        'of `proxy_ssl_crl`.',
      'A list in DER is turned into PEM by `openssl crl -inform der -in ca.crl -out ca.pem`.',
    ],
    never: keepRevocation,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_trusted_certificate /etc/sallyport/root.pem;
    # cat root.crl intermediate.crl >all.crl
    proxy_ssl_crl /etc/sallyport/all.crl;
}`,
    },
  },

  UPSTREAM_TLS_CRL_EXPIRED: {
    causes: [
      'The job that fetches lists has failed. The log has a warning with the file, its CA and its ' +
        'nextUpdate.',
      'The CA does not publish any more.',
      'The clock of this machine is wrong.',
    ],
    checks: [
      showCrl,
      { look: 'Compare with the clock.', run: 'date -u' },
      {
        look: 'See whether there is a newer one where the CA publishes it.',
        run: [
          'curl -sS "$CRL_URL" -o new.crl',
          "openssl storeutl -noout -text -crls new.crl | grep -E 'Issuer:|Last Update|Next Update'",
        ].join('\n'),
      },
    ],
    mend: freshLists,
    never: keepRevocation,
    example: null,
  },

  UPSTREAM_TLS_OCSP_MISSING: {
    causes: [
      'The server does not staple: it was not told to (`ssl_stapling on` in nginx).',
      'It staples, but was just started: many servers fetch their first response only after the ' +
        'first connection.',
      'It cannot reach the responder of its CA, and its response has run out.',
      'The certificate says must-staple (RFC 7633), which demands a response with ' +
        '`proxy_ssl_ocsp staple`, too; `require` demands one of every certificate.',
      'The CA has no OCSP responder any more; several public CAs have shut theirs down.',
    ],
    checks: [
      showStaple,
      saveChain,
      {
        look: 'See whether the certificate demands it (`status_request`), and who the responder is.',
        run: [
          "openssl x509 -in chain.pem -noout -text | grep -A1 'TLS Feature'",
          'openssl x509 -in chain.pem -noout -ocsp_uri',
        ].join('\n'),
      },
    ],
    mend: [
      'Switch stapling on at the server, and let it reach the responder.',
      'Where servers of a group do not staple: `proxy_ssl_ocsp staple` checks what comes and ' +
        'demands nothing, except of certificates that say must-staple.',
      'Where the CA has no responder: a revocation list, `proxy_ssl_crl`.',
    ],
    never: keepVerifying,
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_ssl_ocsp staple;
}`,
    },
  },

  UPSTREAM_TLS_OCSP_INVALID: {
    causes: [
      'The response has run out: the server cannot reach the responder and goes on sending the ' +
        'old one.',
      'It is for another certificate: the certificate was renewed, and the response is from a file.',
      'It is signed by somebody whom the CA has not appointed, or the signature does not fit.',
      'The responder does not know the certificate (`unknown`).',
      'A clock is wrong, here or at the responder.',
    ],
    checks: [
      showStaple,
      saveChain,
      askResponder,
      { look: 'Compare with the clock.', run: 'date -u' },
    ],
    mend: [
      'Have the server fetch a new response: reload it, and let it reach the responder.',
      'Where it staples from a file (`ssl_stapling_file`): write the file anew on a timer, and ' +
        'after each renewal.',
      'Set the clock.',
    ],
    never: keepVerifying,
    example: null,
  },
} as const satisfies Record<string, ErrorAdvice>;
