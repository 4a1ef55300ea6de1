// What is tried at another server (proxy_next_upstream), and what is not, after each kind of failure.

import { drip, fin, reset, type Step } from '../kit/response-form.ts';

export interface Retry {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The condition of `proxy_next_upstream` that covers it. */
  readonly condition: 'error' | 'timeout' | 'invalid_header';
  /** Without another server. */
  readonly status: 502 | 504;
}

const large = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;

export const retries: readonly Retry[] = [
  { name: 'the close at once', steps: [fin], condition: 'error', status: 502 },
  { name: 'a reset at once', steps: [reset], condition: 'error', status: 502 },
  { name: 'the close in the head', steps: ['HTTP/1.1 20', fin], condition: 'error', status: 502 },
  { name: 'silence', steps: [], condition: 'timeout', status: 504 },
  { name: 'half a head', steps: [drip('HTTP/1.1 20')], condition: 'timeout', status: 504 },
  { name: 'no HTTP', steps: ['SSH-2.0-x\r\n'], condition: 'invalid_header', status: 502 },
  { name: 'a large head', steps: [large], condition: 'invalid_header', status: 502 },
  {
    name: 'two framings',
    steps: ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    condition: 'invalid_header',
    status: 502,
  },
  {
    name: '101 that nobody asked for',
    steps: ['HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    condition: 'invalid_header',
    status: 502,
  },
];
