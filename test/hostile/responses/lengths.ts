// Bodies that are shorter or longer than was said (RFC 9112, 8 and 9): the shorter are cut so that
// the client sees it, what is too much ends the connection, whoever waits for it.

import { cut, fin, passed, reset, seen, type Form } from '../kit/response-form.ts';

const incomplete = 'RFC 9112, 8';
const closed = 'UPSTREAM_CLOSED_EARLY';
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello';
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const begun = `${chunkedHead}5\r\nhello\r\n`;
const code = 'UPSTREAM_RESET';

export const shorter: readonly Form[] = [
  cut('a counted body and then the close', incomplete, [counted, seen, fin], { code: closed }),
  cut('a counted body and then a reset', incomplete, [counted, seen, reset], { code }),
  cut('99 of 100 bytes and then the close', incomplete, [counted, seen, 'x'.repeat(94), fin], {
    code: closed,
  }),
  cut('a counted body without a byte', incomplete, [counted.slice(0, -5), seen, fin], {
    code: closed,
  }),
  cut(
    'a length of almost 2^53 and then the close',
    incomplete,
    ['HTTP/1.1 200 OK\r\nContent-Length: 9007199254740991\r\n\r\nhello', seen, fin],
    { code: closed },
  ),
  cut('no last chunk', incomplete, [begun, seen, fin], { code: closed }),
  cut('chunks and then a reset', incomplete, [begun, seen, reset], { code }),
  cut('the close within a chunk', incomplete, [`${chunkedHead}ff\r\nhello`, seen, fin], {
    code: closed,
  }),
  cut('the close behind the data of a chunk', incomplete, [begun.slice(0, -2), seen, fin], {
    code: closed,
  }),
  cut('the close within a line end', incomplete, [begun.slice(0, -1), seen, fin], { code: closed }),
  cut('the close within a chunk size', incomplete, [`${begun}1`, seen, fin], { code: closed }),
  cut('the close behind a chunk size', incomplete, [`${begun}1\r\n`, seen, fin], { code: closed }),
  cut('the close within the last chunk', incomplete, [`${begun}0\r\n`, seen, fin], {
    code: closed,
  }),
  cut('the close before the last byte', incomplete, [`${begun}0\r\n\r`, seen, fin], {
    code: closed,
  }),
  cut('a reset within the last chunk', incomplete, [`${begun}0\r\n`, seen, reset], { code }),
];

const extra = 'RFC 9112, 9.2';
const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const inChunks = `${chunkedHead}2\r\nok\r\n0\r\n\r\n`;
const said = 'upstream sent more data than its framing allows';

interface Extra {
  readonly logged?: string;
}

function more(name: string, steps: Form['steps'], { logged }: Extra = {}): Form {
  return passed(name, extra, steps, {
    connection: 'closed',
    note: 'what is too much is thrown away, and the connection with it',
    ...(logged === undefined ? {} : { logged }),
  });
}

export const longer: readonly Form[] = [
  more('more bytes than the length, in one segment', [`${whole}evil`], { logged: said }),
  more('a CRLF behind the body', [`${whole}\r\n`], { logged: said }),
  more('NUL behind the body', [`${whole}\0`], { logged: said }),
  more('a second response behind the first', [`${whole}${evil}`], { logged: said }),
  more('ten responses behind the first', [`${whole}${evil.repeat(10)}`], { logged: said }),
  more('a 100 behind the first response', [`${whole}HTTP/1.1 100 Continue\r\n\r\n`], {
    logged: said,
  }),
  more('a second response behind the last chunk', [`${inChunks}${evil}`], { logged: said }),
  more('bytes behind the last chunk', [`${inChunks}evil`], { logged: said }),
  more('a second last chunk', [`${inChunks}0\r\n\r\n`], { logged: said }),
  more(
    'more bytes in the middle of a large body',
    [`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no`, seen, `k${evil}`],
    { logged: said },
  ),
  more('more bytes while the connection is idle', [whole, seen, 'evil']),
  more('a second response while the connection is idle', [whole, seen, evil]),
  more('a second response, chunks before it', [inChunks, seen, evil]),
  more('a CRLF while the connection is idle', [whole, seen, '\r\n']),
  more('a reset while the connection is idle', [whole, seen, reset]),
  more('the close while the connection is idle', [whole, seen, fin]),
];
