// What only a server behind TLS can do: end the TCP stream without ending the TLS stream, which
// anybody on the way can, and break the records.

import {
  bareFin,
  cut,
  fin,
  passed,
  refused,
  renegotiate,
  seen,
  underTls,
  type Form,
} from '../kit/response-form.ts';

const truncation = 'RFC 9112, 9.8';
const record = 'RFC 8446, 5';
const closed = { code: 'UPSTREAM_CLOSED_EARLY' };
const broken = { code: 'UPSTREAM_TLS_HANDSHAKE_FAILED' };
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello';
const begun = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const open = 'HTTP/1.1 200 OK\r\n\r\nhello';
const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const garbage = underTls('\x17\x03\x03\x00\x20inside inside inside inside inside');
const uncertain = 'body ended with the TLS connection: it may be cut';

export const tlsForms: readonly Form[] = [
  cut('FIN without close_notify in a counted body', truncation, [counted, seen, bareFin], closed),
  cut('FIN without close_notify between chunks', truncation, [begun, seen, bareFin], closed),
  cut('close_notify in a counted body', truncation, [counted, seen, fin], closed),
  cut('close_notify between chunks', truncation, [begun, seen, fin], closed),
  refused(
    'FIN without close_notify in the head',
    truncation,
    [counted.slice(0, 25), bareFin],
    closed,
  ),
  passed('a body up to close_notify', truncation, [open, seen, fin], {
    body: 'hello',
    connection: 'closed',
    logged: uncertain,
    note: 'logged at info: "it may be cut"',
  }),
  passed('a body up to FIN without close_notify', truncation, [open, seen, bareFin], {
    body: 'hello',
    connection: 'closed',
    logged: uncertain,
    note: 'logged at info: "it may be cut"; Node.js does not show which of both it was',
  }),
  refused('records that are none in place of an answer', record, [garbage], broken),
  refused('an answer past the encryption', record, [underTls(whole)], broken),
  cut('records that are none within the body', record, [counted, seen, garbage], broken),
  cut(
    'the rest of the body past the encryption',
    record,
    [counted, seen, underTls('x'.repeat(95))],
    {
      ...broken,
    },
  ),
  passed('records that are none while the connection is idle', record, [whole, seen, garbage], {
    connection: 'closed',
  }),
  passed('close_notify while the connection is idle', record, [whole, seen, fin], {
    connection: 'closed',
  }),
  passed('FIN without close_notify while it is idle', truncation, [whole, seen, bareFin], {
    connection: 'closed',
  }),
];

export const tls12Forms: readonly Form[] = [
  refused('a new handshake of TLS 1.2', 'RFC 5746, 4.2', [renegotiate, whole], {
    ...broken,
    place: 'unresumed',
  }),
];
