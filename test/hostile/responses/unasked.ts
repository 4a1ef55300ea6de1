// What a server does on an idle connection of the pool (RFC 9112, 9.2): whatever it is, the connection
// answers no further request.

export interface Unasked {
  readonly name: string;
  /** Bytes, or one of the ends. */
  readonly bytes: string;
}

const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

export const unasked: readonly Unasked[] = [
  { name: 'a whole response that nobody asked for', bytes: evil },
  { name: 'ten responses that nobody asked for', bytes: evil.repeat(10) },
  { name: 'an interim answer that nobody asked for', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
  { name: 'half a head that nobody asked for', bytes: 'HTTP/1.1 200 OK\r\nSet-Cookie: evil' },
  { name: 'a CRLF that nobody asked for', bytes: '\r\n' },
  { name: 'one byte that nobody asked for', bytes: '\0' },
  { name: 'the close of an idle connection', bytes: 'fin' },
  { name: 'a reset of an idle connection', bytes: 'reset' },
];
