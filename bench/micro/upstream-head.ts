// What it costs to write the head of a request to an upstream server.
//
//   npm run bench -- micro upstream-head

import { compileTemplate } from '../../src/exchange/template.ts';
import {
  BodyFraming,
  compileUpstreamHead,
  composeUpstreamHead,
} from '../../src/forward/upstream-head.ts';
import type { HeaderEdit } from '../../src/forward/proxy-settings.ts';
import { browserRequest, exchangeOf, shortRequest, variables } from './exchange.ts';
import { measure } from './measure.ts';

function edit(name: string, text: string): HeaderEdit {
  return { name, value: compileTemplate(text, variables) };
}

const usual = [edit('Host', '$proxy_host'), edit('Connection', '')];
const forwarded = [
  edit('Host', '$host'),
  edit('Connection', ''),
  edit('X-Real-IP', '$remote_addr'),
  edit('X-Forwarded-For', '$proxy_add_x_forwarded_for'),
  edit('X-Forwarded-Proto', '$scheme'),
];

for (const [request, lines] of [
  ['short request', shortRequest],
  ['browser', browserRequest],
] as const) {
  const x = exchangeOf(lines);
  for (const [name, edits] of [
    ["nginx's own fields", usual],
    ['X-Forwarded-* besides', forwarded],
  ] as const) {
    const template = compileUpstreamHead({ edits, httpVersion: 11, passFields: true });
    const line = `GET ${x.uri}`;
    measure(`${request}, ${name}, as text`, () => {
      return composeUpstreamHead(template, x, line, BodyFraming.none).length;
    });
    // Text that was put together piece by piece is only made flat when it is written.
    const out = Buffer.allocUnsafeSlow(4096);
    measure(`${request}, ${name}, into a buffer`, () => {
      return out.write(composeUpstreamHead(template, x, line, BodyFraming.none), 'latin1');
    });
  }
}
