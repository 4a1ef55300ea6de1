// Where the bytes of a request reach the upstream through nginx and not through this proxy, or the
// other way round, or otherwise: each with the reason. Found by random requests.

import {
  authorityOf,
  headLines,
  isGoodHost,
  isTokenList,
  values,
  type CaseFacts,
} from './message-facts.ts';
import { commonDifferences } from './nginx-common-differences.ts';

export interface NginxDifference {
  readonly name: string;
  /** A request that shows it. */
  readonly example: string;
  /** `stricter`: nginx passes on what is refused here; `otherwise`: both pass it on. */
  readonly kind: 'stricter' | 'laxer' | 'otherwise' | 'any';
  readonly when: (facts: CaseFacts) => boolean;
  readonly why: string;
  readonly rfc: string;
}

const host = 'Host: a.test\r\n';
const get = (lines: string): string => `GET / HTTP/1.1\r\n${host}${lines}\r\n`;

const stricter: readonly Omit<NginxDifference, 'kind'>[] = [
  {
    name: 'line ends without CR',
    example: `GET / HTTP/1.1\n${host}\r\n`,
    when: ({ text }) => /(?:^|[^\r])\n/.test(text),
    why: 'what one reader takes for the end of a line another takes for a part of it',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'CR within a line',
    example: get('X: a\r\r\n'),
    when: ({ text }) => /\r(?!\n)/.test(text),
    why: 'some take it for the end of a line',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'more than two empty lines before the request line',
    example: `\r\n\r\n\r\n${get('')}`,
    when: ({ text }) => /^(?:\r\n){3}/.test(text),
    why: 'two are taken, as left over from a body',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'white space and versions in the request line',
    example: `GET /  HTTP/1.1\r\n${host}\r\n`,
    when: ({ startLine }) => !/^\S+ \S+ HTTP\/1\.\d$/.test(startLine),
    why: 'single spaces and one digit after the dot; no request without a version',
    rfc: 'RFC 9112 2.3, 3',
  },
  {
    name: 'malformed hosts',
    example: 'GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n',
    when: (facts) =>
      [...values(facts, 'host'), authorityOf(facts)].some(
        (one) => one !== null && !isGoodHost(one),
      ),
    why: 'logs, the choice of a server and the upstream all rest on it',
    rfc: 'RFC 9110 7.2',
  },
  {
    name: 'Host and target at odds',
    example: `GET http://b.test/ HTTP/1.1\r\n${host}\r\n`,
    when: (facts) => {
      const authority = authorityOf(facts);
      return authority !== null && authority !== values(facts, 'host')[0];
    },
    why: 'two hosts in one request are what cache poisoning is made of',
    rfc: 'RFC 9112 3.2.2',
  },
  {
    name: 'targets of no form',
    example: `GET ftp://a.test/ HTTP/1.1\r\n${host}\r\n`,
    when: ({ words: [method = '', target = ''] }) =>
      target === '*' ? method !== 'OPTIONS' : /^\*|[\x80-\xff#]|^(?!\/|https?:\/\/)/.test(target),
    why: 'origin or absolute form; * with OPTIONS alone',
    rfc: 'RFC 9112 3.2',
  },
  {
    name: 'control characters in values',
    example: get('X: a\x01b\r\n'),
    when: (facts) => headLines(facts).some((line) => /[\0-\x08\x0a-\x1f\x7f]/.test(line)),
    why: 'they would be passed on into logs and upstream servers',
    rfc: 'RFC 9110 5.5',
  },
  {
    name: 'Connection that names what must stay, or no token',
    example: get('Connection: Host\r\n'),
    when: (facts) =>
      values(facts, 'connection').some((value) => /host/i.test(value) || !isTokenList(value)),
    why: 'a field that routing or identity rests on would be removed on the way',
    rfc: 'RFC 9110 7.6.1',
  },
  {
    name: 'expectations that nobody knows',
    example: get('Expect: x\r\n'),
    when: (facts) => values(facts, 'expect').some((value) => !/^100-continue$/i.test(value)),
    why: 'they cannot be met: 417',
    rfc: 'RFC 9110 10.1.1',
  },
  ...commonDifferences(`POST / HTTP/1.1\r\n${host}`),
];

const others: readonly NginxDifference[] = [
  {
    name: 'a bare LF behind a body',
    example: `POST / HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\na\r\n${get('')}`,
    kind: 'stricter',
    when: (facts) => {
      const [length] = values(facts, 'content-length').map(Number);
      return length !== undefined && facts.rest.slice(2 + length).startsWith('\n');
    },
    why: 'an empty line may be left over from a body, and it has its CR',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'fragments',
    example: `GET /a#b HTTP/1.1\r\n${host}\r\n`,
    kind: 'otherwise',
    when: ({ words: [, target = ''] }) => target.includes('#'),
    why: 'no form of a target has one; it is not passed on',
    rfc: 'RFC 9112 3.2',
  },
  {
    name: 'Expect in several lines',
    example: get('Expect: 100-continue\r\nExpect: 100-continue\r\n'),
    kind: 'laxer',
    when: (facts) => values(facts, 'expect').length > 1,
    why: 'it is a list, and a list may come in several lines',
    rfc: 'RFC 9110 5.3, 10.1.1',
  },
  {
    name: 'fields that Connection names',
    example: get('Connection: x\r\nX: 1\r\n'),
    kind: 'otherwise',
    when: (facts) =>
      values(facts, 'connection').some((value) =>
        value
          .split(',')
          .some((one) => facts.fields.some(([name]) => name === one.trim().toLowerCase())),
      ),
    why: 'they end here; nginx passes them on',
    rfc: 'RFC 9110 7.6.1',
  },
];

/** Every difference that is meant. */
export const nginxDifferences: readonly NginxDifference[] = [
  ...stricter.map((row) => ({ ...row, kind: 'stricter' as const })),
  ...others,
];
