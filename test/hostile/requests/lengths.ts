// Content-Length in all its spellings.

import { arrivesGet, arrivesPost, get, post, smuggled } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

const rfc = '9112 6.3, 9110 8.6';

/** A POST of one byte whose length is written like this. */
function oddLength(name: string, value: string, more: Partial<RequestForm> = {}): RequestForm {
  return { name, bytes: post([`Content-Length:${value}`], 'a'), status: 400, rfc, ...more };
}

const refused: readonly RequestForm[] = [
  oddLength('`Content-Length: +1`', ' +1'),
  oddLength('`Content-Length: -1`', ' -1'),
  oddLength('`Content-Length: -0`', ' -0'),
  oddLength('`Content-Length: 0x1`', ' 0x1'),
  oddLength('`Content-Length: 1.0`', ' 1.0'),
  oddLength('`Content-Length: 1e0`', ' 1e0'),
  oddLength('`Content-Length: 1_0`', ' 1_0'),
  oddLength('`Content-Length: 1a`', ' 1a'),
  oddLength('`Content-Length: "1"`', ' "1"'),
  oddLength('`Content-Length: 1;`', ' 1;'),
  oddLength('`Content-Length: 1 1`', ' 1 1'),
  oddLength('`Content-Length: 1, 1`, `1,1`, `1,`, `,1`', ' 1, 1', {
    bytes: ['1, 1', '1,1', '1,', ',1'].map((value) => post([`Content-Length: ${value}`], 'a')),
    note: 'RFC 9110 lets a list of equal lengths be taken; it is refused',
  }),
  oddLength('`Content-Length: 1, 2`', ' 1, 2'),
  oddLength('`Content-Length:` without a value', ''),
  oddLength('`Content-Length: \\x0b1`, `\\x0c1`, `1\\x00`, `1\\x1f`', '', {
    bytes: ['\x0b1', '\x0c1', '1\0', '1\x1f'].map((value) =>
      post([`Content-Length: ${value}`], 'a'),
    ),
  }),
  oddLength('`Content-Length` with digits beyond ASCII', '', {
    bytes: ['\xb9', '\xd9\xa1', '\xa01'].map((value) => post([`Content-Length: ${value}`], 'a')),
  }),
  oddLength('`Content-Length` of 2^53, of 2^64 + 1, of 31 digits', '', {
    bytes: ['9007199254740992', '18446744073709551617', `1${'0'.repeat(30)}`].map((value) =>
      post([`Content-Length: ${value}`], 'a'),
    ),
  }),
  {
    name: 'two different lengths',
    bytes: [
      post(['Content-Length: 0', `Content-Length: ${smuggled.length}`], smuggled),
      post([`Content-Length: ${smuggled.length}`, 'Content-Length: 0'], smuggled),
      post(['Content-Length: 1', 'X: y', 'content-length: 01'], 'a'),
    ],
    status: 400,
    rfc,
  },
  {
    name: 'two equal lengths',
    bytes: post(['Content-Length: 1', 'Content-Length: 1'], 'a'),
    status: 400,
    rfc,
    note: 'RFC 9110 lets equal ones be taken; they are refused',
  },
  {
    name: 'two lengths, one of them invalid',
    bytes: [
      post(['Content-Length: 1', 'Content-Length: x'], 'a'),
      post(['Content-Length:', 'Content-Length: 1'], 'a'),
    ],
    status: 400,
    rfc,
  },
  {
    name: 'white space before the colon of `Content-Length`',
    bytes: ['Content-Length : 38', 'Content-Length\t: 38', 'Content-Length\x0b: 38'].map((line) =>
      post([line], smuggled),
    ),
    status: 400,
    rfc: '9112 5.1',
  },
  {
    name: 'a folded `Content-Length`',
    bytes: [post(['Content-Length:', ' 1'], 'a'), post(['Content-Length: 1', ' 0'], 'a')],
    status: 400,
    rfc: '9112 5.2',
  },
  {
    name: 'an invalid length with a method that needs no body',
    bytes: [get('Content-Length: x'), 'HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n'],
    status: 400,
    rfc,
  },
  {
    name: 'an invalid length in HTTP/1.0',
    bytes: 'POST / HTTP/1.0\r\nContent-Length: 1,1\r\n\r\na',
    status: 400,
    rfc,
  },
];

const accepted: readonly RequestForm[] = [
  {
    name: '`Content-Length: 3`',
    bytes: [
      post(['Content-Length: 3'], 'abc'),
      post(['content-length:3'], 'abc'),
      post(['CONTENT-LENGTH: \t3 \t'], 'abc'),
    ],
    arrives: arrivesPost('abc'),
    rfc: '9112 6.2',
    note: 'written anew, whatever its spelling',
  },
  {
    name: '`Content-Length: 003`',
    bytes: [
      post(['Content-Length: 003'], 'abc'),
      post([`Content-Length: ${'0'.repeat(100)}3`], 'abc'),
    ],
    arrives: arrivesPost('abc'),
    rfc: '9110 8.6',
    note: 'goes on as `3`',
  },
  {
    name: '`Content-Length: 0`',
    bytes: [post(['Content-Length: 0']), post(['Content-Length: 000'])],
    arrives: arrivesPost(''),
    rfc: '9110 8.6',
  },
  {
    name: 'POST without a length',
    bytes: post([]),
    arrives: 'POST / HTTP/1.1\r\nHost: backend\r\n\r\n',
    rfc: '9112 6.3',
    note: 'has no body',
  },
  {
    name: 'a body that looks like a request',
    bytes: post([`Content-Length: ${smuggled.length}`], smuggled),
    arrives: arrivesPost(smuggled),
    rfc: '9112 6.2',
  },
  {
    name: 'a body with GET, HEAD, DELETE or OPTIONS',
    bytes: get('Content-Length: 38') + smuggled,
    arrives: arrivesGet('Content-Length: 38') + smuggled,
    rfc: '9110 9.3.1',
    note: 'framed as any other, and passed on',
  },
  ...['HEAD', 'DELETE', 'OPTIONS'].map((method): RequestForm => ({
    name: `a body with ${method}`,
    bytes: `${method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 38\r\n\r\n${smuggled}`,
    arrives: `${method} / HTTP/1.1\r\nHost: backend\r\nContent-Length: 38\r\n\r\n${smuggled}`,
    rfc: '9110 9.3.1',
  })),
  {
    name: '`Content_Length`, `X-Content-Length`',
    bytes: get('Content_Length: 38', 'X-Content-Length: 38'),
    arrives: arrivesGet('X-Content-Length: 38'),
    rfc: '9112 6.2',
    note: 'frame nothing; names with `_` are left out (`underscores_in_headers`)',
  },
];

export const lengths: FormTable = {
  title: 'Content-Length',
  intro:
    'One field of digits, at most 2^53 - 1. What goes upstream is the length of the body that is ' +
    'sent, never the text that came.',
  forms: [...refused, ...accepted],
};
