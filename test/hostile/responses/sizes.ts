// Heads without measure: `proxy_buffer_size` bounds one head, and 16 interim answers all of them.

import { drip, flood, passed, refused, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9110, 5.4';
const code = 'UPSTREAM_HEADER_TOO_LARGE';

function head(lines: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${lines}\r\n\r\nok`;
}

const line = (bytes: number): string => `X: ${'x'.repeat(bytes - 3)}`;

export const sizes: readonly Form[] = [
  refused('a head beyond `proxy_buffer_size`', rfc, [head(line(20_000))], { code }),
  refused('a head beyond a smaller `proxy_buffer_size`', rfc, [head(line(1100))], {
    place: 'small',
    code,
  }),
  refused('a head of many lines beyond the limit', rfc, [head('X: y\r\n'.repeat(5000) + 'X: y')], {
    code,
  }),
  refused('a field without an end', rfc, ['HTTP/1.1 200 OK\r\nX: ', flood('inside'.repeat(100))], {
    code,
  }),
  refused(
    'fields without an end',
    rfc,
    ['HTTP/1.1 200 OK\r\n', flood('X: inside\r\n'.repeat(50))],
    {
      code,
    },
  ),
  refused('a name without an end', rfc, ['HTTP/1.1 200 OK\r\n', flood('inside'.repeat(100))], {
    code,
  }),
  refused('a reason without an end', rfc, ['HTTP/1.1 200 ', flood('inside'.repeat(100))], { code }),
  refused('an endless line without any HTTP', 'RFC 9112, 4', [flood('inside'.repeat(100))]),
  refused('an endless head, byte by byte', rfc, [drip(`HTTP/1.1 200 OK\r\n${line(1200)}`)], {
    place: 'small',
    code,
  }),
  passed('a large head within the limit', rfc, [head(line(3000))]),
  passed('many fields within the limit', rfc, [head('X: y\r\n'.repeat(400) + 'Y: z')]),
];
