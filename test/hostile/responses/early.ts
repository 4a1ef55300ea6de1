// Answers that come before the server has read the request (RFC 9112, 9.5), and what it does then.

export interface Early {
  readonly name: string;
  readonly answer: string;
  /** With the connection, whose bytes it has not read: the kernel sends a reset for them. */
  readonly then: 'closes' | 'stays' | 'reads on';
  /** A whole answer, an error page, or the beginning of an answer. */
  readonly sees: 413 | 502 | 504 | 'cut';
}

const counted = 'HTTP/1.1 413 Too Much\r\nContent-Length: 8\r\n\r\ntoo much';
const inChunks =
  'HTTP/1.1 413 Too Much\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntoo \r\n4\r\nmuch\r\n0\r\n\r\n';
const short = 'HTTP/1.1 413 Too Much\r\nContent-Length: 80\r\n\r\ntoo much';

export const earlyAnswers: readonly Early[] = [
  { name: 'a whole counted answer, then the close', answer: counted, then: 'closes', sees: 413 },
  { name: 'a whole answer in chunks, then the close', answer: inChunks, then: 'closes', sees: 413 },
  { name: 'a whole answer, the rest is not read', answer: counted, then: 'stays', sees: 413 },
  { name: 'a whole answer, the rest is read', answer: counted, then: 'reads on', sees: 413 },
  { name: 'a short answer, then the close', answer: short, then: 'closes', sees: 'cut' },
  { name: 'half a head, then the close', answer: 'HTTP/1.1 413 To', then: 'closes', sees: 502 },
  {
    name: 'a bad head, then the close',
    answer: 'HTTP/1.1 4 13\r\n\r\n',
    then: 'closes',
    sees: 502,
  },
  { name: 'nothing, then the close', answer: '', then: 'closes', sees: 502 },
  { name: 'nothing, and nothing is read', answer: '', then: 'stays', sees: 504 },
];
