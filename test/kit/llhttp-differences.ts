// Where this project's codec and llhttp in its strict mode judge a message differently, each with
// the reason. A difference that no row allows is a defect of one of them.

import {
  authorityOf,
  is10,
  isChunkedAlone,
  isGoodHost,
  isTokenList,
  values,
  type CaseFacts,
  type Side,
} from './message-facts.ts';

export interface Difference {
  readonly name: string;
  /** A message that shows it. */
  readonly example: string;
  /**
   * `we refuse`: and llhttp doesn't; `llhttp refuses`: and we don't; `otherwise`: both accept, and
   * understand different things.
   */
  readonly kind: 'we refuse' | 'llhttp refuses' | 'otherwise';
  readonly side: Side | 'both';
  readonly when: (facts: CaseFacts) => boolean;
  readonly why: string;
  /** Paragraph of the RFC that our side rests on. */
  readonly rfc: string;
}

// Methods of RFC 9110 and others that both know.
const commonMethods = new Set(
  [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'OPTIONS',
    'PATCH',
    'TRACE',
    'CONNECT',
    'PROPFIND',
  ].concat('M-SEARCH'),
);

const refusedRequests: readonly Omit<Difference, 'kind' | 'side'>[] = [
  {
    name: 'empty lines before the request line',
    example: '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    when: ({ text }) => /^(?:\r\n){3}|^(?:\r\n)*\n|^(?:\r\n)*\r(?!\n)/.test(text),
    why: 'two are taken, as left over from a body; more, or bare ends, come from no client',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'white space in the request line',
    example: 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    when: ({ startLine }) => !/^\S+ \S+ \S+$/.test(startLine),
    why: 'single spaces alone: two readers would otherwise find two targets',
    rfc: 'RFC 9112 3',
  },
  {
    name: 'other major versions',
    example: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
    when: ({ startLine }) => / HTTP\/(?:0\.9|2\.0)$/.test(startLine),
    why: 'only HTTP/1 is spoken here; 2.0 has its own status 505',
    rfc: 'RFC 9110 2.5',
  },
  {
    name: 'no Host, several, or a malformed one',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    when: (facts) => {
      const hosts = values(facts, 'host');
      if (hosts.length > 1 || hosts.some((host) => !isGoodHost(host))) return true;
      return hosts.length === 0 && !is10(facts);
    },
    why: 'the choice of a server rests on it; llhttp leaves it to who uses it',
    rfc: 'RFC 9112 3.2',
  },
  {
    name: 'Host and target at odds',
    example: 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    when: (facts) => {
      const authority = authorityOf(facts);
      return (
        authority !== null && authority.toLowerCase() !== values(facts, 'host')[0]?.toLowerCase()
      );
    },
    why: 'two hosts in one request are what cache poisoning is made of',
    rfc: 'RFC 9112 3.2.2',
  },
  {
    name: 'a target of no form',
    example: 'GET * HTTP/1.1\r\nHost: a\r\n\r\n',
    when: ({ words: [method = '', target = ''] }) => {
      if (method === 'CONNECT') return !/^(?:\[[0-9a-f:]+\]|[^:/?#@]+):\d+$/i.test(target);
      if (target === '*') return method !== 'OPTIONS';
      if (/^\*|^\/.*[\x80-\xff]/.test(target)) return true;
      return (
        !target.startsWith('/') && !isGoodHost(/^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? '')
      );
    },
    why: 'origin, absolute with http or https, authority with CONNECT alone, * with OPTIONS alone',
    rfc: 'RFC 9112 3.2',
  },
  {
    name: 'Transfer-Encoding other than chunked once',
    example:
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    when: (facts) => !isChunkedAlone(facts),
    why: 'only one coding is understood, and what ends a body must be certain',
    rfc: 'RFC 9112 6.1, 7',
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    example: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    when: (facts) => is10(facts) && values(facts, 'transfer-encoding').length > 0,
    why: 'such a sender cannot know it: its framing is faulty',
    rfc: 'RFC 9112 6.1',
  },
  {
    name: 'Connection that names what must stay, or no token',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n',
    when: (facts) =>
      values(facts, 'connection').some((value) => /host/i.test(value) || !isTokenList(value)),
    why: 'a field that routing or identity rests on would be removed on the way',
    rfc: 'RFC 9110 7.6.1',
  },
  {
    name: 'an expectation that nobody knows',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n',
    when: (facts) =>
      values(facts, 'expect').some((value) => value.toLowerCase() !== '100-continue'),
    why: 'it cannot be met: 417',
    rfc: 'RFC 9110 10.1.1',
  },
];

const refusedByUs: readonly Omit<Difference, 'kind' | 'side'>[] = [
  {
    name: 'lengths of 2^53 and more',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740992\r\n\r\n',
    when: (facts) =>
      values(facts, 'content-length').some((value) => Number(value) > Number.MAX_SAFE_INTEGER) ||
      (/\r\n0*[0-9a-f]{14,}/i.test(facts.text) && !isNotChunked(facts)),
    why: 'numbers stop being exact there; llhttp counts in 64 bits',
    rfc: 'RFC 9112 6.2, 7.1',
  },
];

function isNotChunked(facts: CaseFacts): boolean {
  return values(facts, 'transfer-encoding').length === 0;
}

const refusedResponses: readonly Omit<Difference, 'kind' | 'side'>[] = [
  {
    name: 'an interim response with a body',
    example: 'HTTP/1.1 103 x\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 \r\n\r\n',
    when: ({ text }) =>
      /HTTP\/1\.[01] 1\d\d[^\r]*\r\n(?:[^\r\n]+\r\n)*?(?:content-length|transfer-encoding):/i.test(
        text,
      ),
    why: 'it has none, and must not say so: two readers would find two answers behind it',
    rfc: 'RFC 9110 8.6, RFC 9112 6.1',
  },
  {
    name: 'a status line of another version or form',
    example: 'HTTP/1.1 099 x\r\n\r\n',
    when: ({ startLine }) => !/^HTTP\/1\.[01] [1-9][0-9]{2}(?: |$)/.test(startLine),
    why: 'HTTP/1.0 or 1.1, one space, three digits from 100 on',
    rfc: 'RFC 9112 4',
  },
  {
    name: 'empty lines before the status line',
    example: '\r\nHTTP/1.1 200 x\r\n\r\n',
    when: ({ text }) => /^[\r\n]/.test(text) || /\r\n\r\n[\r\n]+HTTP/.test(text),
    why: 'they are allowed before requests only; bytes between answers are another answer',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'control characters in the reason',
    example: 'HTTP/1.1 200 \x01\r\n\r\n',
    when: ({ startLine }) => /[\0-\x08\x0a-\x1f\x7f]/.test(startLine),
    why: 'it is passed on',
    rfc: 'RFC 9112 4',
  },
  {
    name: 'Transfer-Encoding other than chunked once',
    example: 'HTTP/1.1 200 x\r\nTransfer-Encoding: gzip\r\n\r\n',
    when: (facts) => !isChunkedAlone(facts),
    why: 'only one coding is understood, and what ends a body must be certain',
    rfc: 'RFC 9112 6.1, 7',
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    example: 'HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    when: (facts) => is10(facts) && values(facts, 'transfer-encoding').length > 0,
    why: 'such a sender cannot know it: its framing is faulty',
    rfc: 'RFC 9112 6.1',
  },
];

const refusedByLlhttp: readonly Difference[] = [
  {
    name: 'a tab behind Content-Length or Transfer-Encoding',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\t\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'both',
    when: ({ text }) =>
      /\r\n(?:content-length:[ \t]*\d+|transfer-encoding:[ \t]*chunked) *\t[ \t]*\r\n/i.test(text),
    why: 'white space around a value is no part of it, and a tab is white space',
    rfc: 'RFC 9110 5.6.3',
  },
  {
    name: 'methods that llhttp does not list',
    example: 'FOO / HTTP/1.1\r\nHost: a\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'request',
    when: ({ words: [method = ''] }) => !commonMethods.has(method),
    why: 'any token of capitals, "-" and "_" is a method here, as in nginx; what a location allows is for the configuration',
    rfc: 'RFC 9110 9.1',
  },
  {
    name: 'minor versions above 1',
    example: 'GET / HTTP/1.2\r\nHost: a\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'request',
    when: ({ startLine }) => / HTTP\/1\.[2-9]$/.test(startLine),
    why: 'the highest minor version understood is meant',
    rfc: 'RFC 9110 2.5',
  },
  {
    name: 'bytes beyond ASCII in the target',
    example: 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'request',
    when: ({ words: [, target = ''] }) => /[\x80-\xff]/.test(target),
    why: 'browsers of old send them, nginx takes them; they are escaped before they go on',
    rfc: 'RFC 3986 2.1',
  },
  {
    name: 'framing fields among the trailers',
    example:
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'both',
    when: ({ rest }) => /\r\n(?:content-length|transfer-encoding):/i.test(rest),
    why: 'they are left out, as every field that must not trail',
    rfc: 'RFC 9110 6.5.1',
  },
  {
    name: 'chunk extensions of no grammar',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;;\r\n\r\n',
    kind: 'llhttp refuses',
    side: 'both',
    when: ({ rest }) => /(?:^|\r\n)[0-9a-f]+;[^\r\n]*\r\n/i.test(rest),
    why: 'whatever is printable is skipped within bounds and never passed on',
    rfc: 'RFC 9112 7.1.1',
  },
];

const understoodOtherwise: readonly Difference[] = [
  {
    name: 'a tab behind chunked',
    example: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n',
    kind: 'otherwise',
    side: 'response',
    when: ({ text }) => /\r\ntransfer-encoding:[ \t]*chunked *\t/i.test(text),
    why: 'llhttp does not see that it is the coding, and takes all to the end for the body',
    rfc: 'RFC 9110 5.6.3',
  },
  {
    name: 'the method PRI',
    example: 'PRI / HTTP/1.0\r\n\r\n',
    kind: 'otherwise',
    side: 'request',
    when: ({ words: [method] }) => method === 'PRI',
    why: 'llhttp takes it for the beginning of HTTP/2, which has version 2.0 and is refused here',
    rfc: 'RFC 9113 3.4',
  },
  {
    name: 'a body after CONNECT',
    example: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\nx',
    kind: 'otherwise',
    side: 'request',
    when: ({ words: [method] }) => method === 'CONNECT',
    why: 'llhttp takes what follows for the tunnel; here CONNECT is answered and closed',
    rfc: 'RFC 9110 9.3.6',
  },
];

function rows(
  list: readonly Omit<Difference, 'kind' | 'side'>[],
  side: Difference['side'],
): Difference[] {
  return list.map((row) => ({ ...row, kind: 'we refuse', side }));
}

/** Every difference that is meant. */
export const llhttpDifferences: readonly Difference[] = [
  ...rows(refusedRequests, 'request'),
  ...rows(refusedResponses, 'response'),
  ...rows(refusedByUs, 'both'),
  ...refusedByLlhttp,
  ...understoodOtherwise,
];
