// Commands and sentences that the pages of several TLS codes share. In commands, `$ADDRESS` is what
// stands behind "at" in the log line, `$NAME` the wanted name, `$CA` the file of
// proxy_ssl_trusted_certificate.

import type { ErrorCheck } from '../error-row.ts';

/** Writes what the upstream presents into chain.pem: the server's own certificate comes first. */
export const saveChain: ErrorCheck = {
  look:
    'Save what the server presents. The first certificate in the file is its own. For a name ' +
    'that is an IP address write `-noservername` instead of `-servername "$NAME"`.',
  run: [
    'openssl s_client -connect "$ADDRESS" -servername "$NAME" -showcerts </dev/null 2>/dev/null |',
    "  sed -n '/-BEGIN/,/-END/p' >chain.pem",
  ].join('\n'),
};

/** Prints subject and issuer of each certificate of chain.pem. */
export const listChain: ErrorCheck = {
  look:
    'List the chain. The issuer of each certificate must be the subject of the next; the issuer ' +
    'of the last one must be a CA that is trusted here.',
  run: 'openssl crl2pkcs7 -nocrl -certfile chain.pem | openssl pkcs7 -print_certs -noout',
};

/** Verifies chain.pem as the proxy does, names apart. */
export const verifyChain: ErrorCheck = {
  look:
    'Verify it against the same CAs. Without `proxy_ssl_trusted_certificate` leave `-CAfile ' +
    '"$CA"` out: OpenSSL then takes those of the system.',
  run: [
    'openssl verify -CAfile "$CA" -untrusted chain.pem -purpose sslserver -auth_level 2 \\',
    '  chain.pem',
  ].join('\n'),
};

/** Prints the dates of each certificate of chain.pem. */
export const chainDates: ErrorCheck = {
  look: 'Look at the dates of every certificate of the chain, and at the clock.',
  run: [
    'openssl storeutl -noout -text -certs chain.pem |',
    "  grep -E '^ *(Subject:|Not Before|Not After)'",
    'date -u',
  ].join('\n'),
};

/** What not to do about a certificate that was refused. */
export const keepVerifying: readonly string[] = [
  '`proxy_ssl_verify off` does not mend it: the connection is then encrypted to whoever answers, ' +
    'and the log has nothing to say any more.',
  'Where requests must go through while it is being mended, `proxy_ssl_verify report` lets them: ' +
    'everything is still checked, what fails is logged with its code, and ' +
    '`$upstream_ssl_verify` has `REPORTED:` and the code. Anybody on the way can be the upstream ' +
    'as long as it stands.',
  'Give whatever weakens a hop an end: `until=2027-01-31`. After that day it is verified again, ' +
    'and the log warns from 30 days before. Both kinds are listed at every start, with file and ' +
    'line.',
];
