// Plain HTTP on a port that speaks TLS: one readable answer, then the end (nginx's status 497).

import type { Socket } from 'node:net';
import { statusLine } from '../http1/status.ts';
import { errorPageBody } from './error-page-body.ts';
import type { Port } from './virtual-server.ts';

const patienceMs = 5000;

export function rejectPlainHttp(raw: Socket, port: Port): void {
  const token = port.defaultServer.outside.client.serverToken;
  const body = errorPageBody(400, 497, token);
  raw.on('error', () => raw.destroy());
  raw.setTimeout(patienceMs, () => raw.destroy());
  raw.on('end', () => raw.destroy());
  raw.resume();
  raw.end(
    Buffer.concat([
      Buffer.from(
        `${statusLine(400)}Server: ${token}\r\nDate: ${new Date().toUTCString()}\r\n` +
          `Content-Type: text/html\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
        'latin1',
      ),
      body,
    ]),
  );
}
