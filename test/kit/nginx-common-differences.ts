// Rows of known differences that hold for requests as for responses: both have fields and chunks.

import { headLines } from './message-facts.ts';
import type { NginxDifference } from './nginx-differences.ts';

/** What is refused here and passed on by nginx. @param startLine - of the examples, and what it needs */
export function commonDifferences(startLine: string): readonly Omit<NginxDifference, 'kind'>[] {
  const chunked = (body: string): string => `${startLine}Transfer-Encoding: chunked\r\n\r\n${body}`;
  return [
    {
      name: 'field lines without a valid name',
      example: `${startLine}\xe9: 1\r\n\r\n`,
      when: (facts) => headLines(facts).some((line) => !/^[!#$%&'*+\-.^_`|~\w]+:/.test(line)),
      why: 'nginx leaves such lines out and goes on; another reader may take them for something',
      rfc: 'RFC 9112 5',
    },
    {
      name: 'malformed trailers',
      example: chunked('0\r\nX : y\r\n\r\n'),
      when: ({ rest }) => /\r\n0+(?:;[^\r]*)?\r\n(?!\r\n)/.test(rest),
      why: 'nginx reads them and does not look at them; here they are checked as fields are',
      rfc: 'RFC 9112 7.1.2',
    },
    {
      name: 'chunk lines of no grammar',
      example: chunked('1 \r\na\r\n0\r\n\r\n'),
      when: ({ rest, fields }) =>
        fields.some(([name]) => name === 'transfer-encoding') &&
        /\r\n[0-9a-f]*[^0-9a-f\r\n]/i.test(rest),
      why: 'nothing but digits before the line end or ";", and no control characters behind it',
      rfc: 'RFC 9112 7.1',
    },
  ];
}
