// Transfer-Encoding in all its spellings, alone and beside Content-Length.

import { arrivesPost, post, smuggled } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

/** A chunked body of three bytes. */
const abc = '3\r\nabc\r\n0\r\n\r\n';
const last = '0\r\n\r\n';

/** Spellings that name the one coding that is understood. */
const plainSpellings = [
  'Transfer-Encoding: chunked',
  'transfer-encoding:chunked',
  'TRANSFER-ENCODING: CHUNKED',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: \t chunked \t ',
  'Transfer-Encoding: cHuNkEd',
];

/** Spellings that some reader might take for chunked, or for nothing. */
const oddSpellings: Readonly<Record<string, readonly string[]>> = {
  '`chunked` behind or before a control byte': [
    'Transfer-Encoding: \x0bchunked',
    'Transfer-Encoding: chunked\x0b',
    'Transfer-Encoding:\x0cchunked',
    'Transfer-Encoding: chunked\0',
    'Transfer-Encoding: \x7fchunked',
  ],
  '`chunked` beside a byte beyond ASCII': [
    'Transfer-Encoding: \xa0chunked',
    'Transfer-Encoding: chunked\x85',
    'Transfer-Encoding: chun\xe2\x84\xaaed',
    'Transfer-Encoding: \xef\xbb\xbfchunked',
  ],
  '`xchunked`, `chunkedx`, `chunke`': [
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunkedx',
    'Transfer-Encoding: chunke',
    'Transfer-Encoding: x chunked',
    'Transfer-Encoding: chunked x',
  ],
  '`"chunked"`, `\'chunked\'`, `(chunked)`': [
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: 'chunked'",
    'Transfer-Encoding: (chunked)',
  ],
  '`chunked;`, `chunked;q=1`': [
    'Transfer-Encoding: chunked;',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: chunked ; x=y',
  ],
  '`chunked,`, `,chunked`, `chunked,,`': [
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding: , chunked ,',
    'Transfer-Encoding: chunked,,',
    'Transfer-Encoding: ,',
  ],
  'without a value': ['Transfer-Encoding:', 'Transfer-Encoding: \t'],
  '`chunked, chunked`': [
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked,CHUNKED',
  ],
  '`identity`, `gzip`: not chunked at the end': [
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: gzip, chunked, identity',
  ],
};

const codingForms: readonly RequestForm[] = Object.entries(oddSpellings).map(([name, lines]) => ({
  name: `Transfer-Encoding: ${name}`,
  bytes: lines.map((line) => post([line], last)),
  status: 400,
  rfc: '9112 6.1, 6.3',
}));

/** All orders of a field of either kind, with and without a field between. */
function together(coding: string, length: string): string[] {
  const body = last;
  return [
    post([coding, length], body),
    post([length, coding], body),
    post([coding, 'X: y', length], body),
    post([length, 'X: y', coding], body),
  ];
}

const bothForms: readonly RequestForm[] = [
  {
    name: '`Transfer-Encoding: chunked` and Content-Length, in any order and spelling',
    bytes: plainSpellings.flatMap((coding) =>
      ['Content-Length: 5', 'content-length:0', `Content-Length: ${5 + smuggled.length}`].flatMap(
        (length) => together(coding, length),
      ),
    ),
    status: 400,
    rfc: '9112 6.1, 6.3',
    note: 'RFC 9112 lets the length be dropped; the request is refused',
  },
  {
    name: 'an invalid Transfer-Encoding and Content-Length, in any order',
    bytes: Object.values(oddSpellings).flatMap((lines) =>
      lines.flatMap((coding) => together(coding, 'Content-Length: 5').slice(0, 2)),
    ),
    status: 400,
    rfc: '9112 6.1, 6.3',
  },
  {
    name: '`Transfer-Encoding: chunked` and an invalid Content-Length',
    bytes: ['Content-Length:', 'Content-Length: +5', 'Content-Length: 5, 5'].flatMap((length) =>
      together('Transfer-Encoding: chunked', length),
    ),
    status: 400,
    rfc: '9112 6.1, 6.3',
  },
];

const fieldForms: readonly RequestForm[] = [
  {
    name: '`chunked` in two fields',
    bytes: [
      post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], last),
      post(['Transfer-Encoding: chunked', 'X: y', 'transfer-encoding: CHUNKED'], last),
    ],
    status: 400,
    rfc: '9112 6.1',
  },
  {
    name: 'another coding in a second field',
    bytes: ['identity', 'gzip', 'x', '', 'chunked, x'].flatMap((other) => [
      post(['Transfer-Encoding: chunked', `Transfer-Encoding: ${other}`], last),
      post([`Transfer-Encoding: ${other}`, 'Transfer-Encoding: chunked'], last),
    ]),
    status: 400,
    rfc: '9112 6.1',
  },
  {
    name: '`gzip, chunked`, `identity, chunked`',
    bytes: ['gzip, chunked', 'identity, chunked', 'deflate,x,CHUNKED'].map((value) =>
      post([`Transfer-Encoding: ${value}`], last),
    ),
    status: 501,
    rfc: '9112 6.1',
    note: 'framed, but by a coding that is not understood',
  },
  {
    name: 'white space or a control byte in or behind the name',
    bytes: [
      'Transfer-Encoding : chunked',
      'Transfer-Encoding\t: chunked',
      'Transfer-Encoding\x0b: chunked',
      'Transfer-Encoding\0: chunked',
      'Transfer Encoding: chunked',
      '\x0bTransfer-Encoding: chunked',
      'Transfer-Encoding\xa0: chunked',
    ].map((line) => post([line], last)),
    status: 400,
    rfc: '9112 5.1',
  },
  {
    name: 'a folded Transfer-Encoding',
    bytes: [
      post(['Transfer-Encoding:', ' chunked'], last),
      post(['Transfer-Encoding: chunked', ' , identity'], last),
      post(['X: y', ' Transfer-Encoding: chunked'], last),
      post([' Transfer-Encoding: chunked', 'X: y'], last),
    ],
    status: 400,
    rfc: '9112 5.2',
  },
  {
    name: 'a Transfer-Encoding behind a bare CR or LF in another value',
    bytes: ['\n', '\r', '\r\r\n', '\n\r'].map((end) =>
      post([`X: y${end}Transfer-Encoding: chunked`], last),
    ),
    status: 400,
    rfc: '9112 2.2',
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes: [
      'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n',
    ],
    status: 400,
    rfc: '9112 6.1',
  },
];

const accepted: readonly RequestForm[] = [
  {
    name: '`Transfer-Encoding: chunked` in any case and with any white space around',
    bytes: plainSpellings.map((coding) => post([coding], abc)),
    arrives: arrivesPost('abc'),
    rfc: '9112 6.1, 7.1',
    note: 'decoded; goes on with Content-Length, or in chunks of our own where it is not kept',
  },
  {
    name: '`Transfer_Encoding`, `X-Transfer-Encoding`',
    bytes: post(['Transfer_Encoding: chunked', 'Content-Length: 3'], 'abc'),
    arrives: arrivesPost('abc'),
    rfc: '9112 6.1',
    note: 'frame nothing; names with `_` are left out (`underscores_in_headers`)',
  },
  {
    name: '`TE: chunked`, `TE: trailers`',
    bytes: post(['TE: trailers, chunked', 'Connection: TE', 'Content-Length: 3'], 'abc'),
    arrives: arrivesPost('abc'),
    rfc: '9112 7.4, 9110 10.1.4',
    note: 'about the answer, and for this hop only',
  },
];

export const codings: FormTable = {
  title: 'Transfer-Encoding',
  intro:
    'Exactly `chunked`, once, alone, in HTTP/1.1, without Content-Length. Codings before a final ' +
    '`chunked` are answered 501, everything else 400.',
  forms: [...codingForms, ...fieldForms, ...bothForms, ...accepted],
};
