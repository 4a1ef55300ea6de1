// Where the bytes of an upstream's answer reach the client through nginx and not through this proxy,
// or the other way round, or otherwise: each with the reason. Found by random responses.

import { headLines, is10, isChunkedAlone, values } from './message-facts.ts';
import { commonDifferences } from './nginx-common-differences.ts';
import type { NginxDifference } from './nginx-differences.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

const stricter: readonly Omit<NginxDifference, 'kind'>[] = [
  {
    name: 'line ends without CR, or with more than one',
    example: `${ok}X: a\nb: c\r\n\r\n`,
    when: ({ text }) => /(?:^|[^\r])\n|\r(?!\n)/.test(text),
    why: 'what one reader takes for the end of a line another takes for a part of it',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'empty lines before the status line',
    example: `\r\n${ok}\r\n`,
    when: ({ text }) => text.startsWith('\r\n'),
    why: 'nginx takes what follows for HTTP/0.9 and passes it on as it is',
    rfc: 'RFC 9112 2.2',
  },
  {
    name: 'other versions and status codes',
    example: 'HTTP/2.0 200 OK\r\n\r\n',
    when: ({ startLine }) => !/^HTTP\/1\.[01] [1-9]\d\d(?: |$)/.test(startLine),
    why: 'an HTTP/1 server answers with HTTP/1.0 or 1.1 and three digits',
    rfc: 'RFC 9112 4',
  },
  {
    name: 'control characters in the head',
    example: 'HTTP/1.1 200 a\x0bb\r\n\r\n',
    when: (facts) =>
      [facts.startLine, ...headLines(facts)].some((line) => /[\0-\x08\x0a-\x1f\x7f]/.test(line)),
    why: 'they would be passed on to clients',
    rfc: 'RFC 9110 5.5, RFC 9112 4',
  },
  {
    name: 'lengths that are none, too large, several, or beside chunks',
    example: `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
    when: (facts) => {
      const lengths = values(facts, 'content-length');
      const isBad = (one: string): boolean =>
        !/^\d+$/.test(one) || Number(one) > Number.MAX_SAFE_INTEGER;
      const beside = values(facts, 'transfer-encoding').length;
      return lengths.length + beside > 1 || lengths.some(isBad);
    },
    why: 'what ends a body must be certain',
    rfc: 'RFC 9112 6.3',
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0, or other than chunked once',
    example: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    when: (facts) =>
      !isChunkedAlone(facts) || (is10(facts) && values(facts, 'transfer-encoding').length > 0),
    why: 'what ends a body must be certain',
    rfc: 'RFC 9112 6.1',
  },
  {
    name: 'protocols switched although nobody asked',
    example: 'HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    when: ({ startLine }) => / 101/.test(startLine),
    why: 'whatever follows would not be HTTP',
    rfc: 'RFC 9110 7.8',
  },
  ...commonDifferences(ok),
];

const others: readonly NginxDifference[] = [
  {
    name: 'interim responses',
    example: `HTTP/1.1 103 x\r\n\r\n${ok}Content-Length: 0\r\n\r\n`,
    kind: 'any',
    when: ({ text }) => /^HTTP\/1\.[01] 1/.test(text),
    why: 'nginx before 1.29 takes them for the answer; here the answer is what follows them',
    rfc: 'RFC 9110 15.2',
  },
  {
    name: 'unusual field names',
    example: `${ok}!#$%: 1\r\nContent-Length: 0\r\n\r\n`,
    kind: 'otherwise',
    when: (facts) => headLines(facts).some((line) => /^[^:]*[!#$%&'*+.^`|~]/.test(line)),
    why: 'they are tokens; nginx leaves them out',
    rfc: 'RFC 9110 5.1, 5.6.2',
  },
  {
    name: 'Upgrade',
    example: `${ok}Upgrade: h2c\r\nContent-Length: 0\r\n\r\n`,
    kind: 'otherwise',
    when: (facts) => values(facts, 'upgrade').length > 0,
    why: 'it is about this connection alone; nginx passes it on',
    rfc: 'RFC 9110 7.8',
  },
];

/** Every difference that is meant. */
export const nginxResponseDifferences: readonly NginxDifference[] = [
  ...stricter.map((row) => ({ ...row, kind: 'stricter' as const })),
  ...others,
];
