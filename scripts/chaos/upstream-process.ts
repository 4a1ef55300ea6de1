// A server behind the proxy, in a process of its own that can be killed and frozen at any moment.
// Node's own HTTPS server. Every body is a function of its request's number, in both directions:
// what arrives otherwise, and every POST, is written to a file before anything is done about it.

import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Content } from './content.ts';

/** What the parent sends: the first is the start. */
export type UpstreamCommand =
  | {
      readonly kind: 'start';
      readonly port: number;
      readonly journal: string;
      readonly tls: { readonly cert: string; readonly key: string };
      /** Closes each connection after one answer. */
      readonly closes: boolean;
    }
  | { readonly kind: 'slow'; readonly slow: boolean }
  | {
      readonly kind: 'certificate';
      readonly tls: { readonly cert: string; readonly key: string };
    };

/** A request as its target tells it. */
interface Asked {
  readonly id: number;
  readonly length: number;
  readonly chunked: boolean;
  /** Bytes of the request's own body, -1 for none. */
  readonly sent: number;
}

const pieceBytes = 65_536;
let journal = -1;
let slow = false;
let closes = false;

function note(line: string): void {
  writeSync(journal, `${line}\n`);
}

function askedOf(message: IncomingMessage): Asked | null {
  const url = new URL(message.url ?? '/', 'http://x');
  const number = (name: string): number => Number(url.searchParams.get(name) ?? -1);
  const id = number('id');
  if (String(id) !== message.headers['x-id']) {
    note(`WRONG ${message.method} ${message.url} came with X-Id: ${message.headers['x-id']}`);
    return null;
  }
  const chunked = url.searchParams.get('framing') === 'chunked';
  return { id, length: number('length'), chunked, sent: number('sent') };
}

/** Resolves to true where the body came to its end and is right. */
function takeBody(message: IncomingMessage, { id, sent }: Asked): Promise<boolean> {
  const content = new Content(id, 'request');
  let at = 0;
  let right = true;
  return new Promise((resolve) => {
    message.on('data', (chunk: Buffer) => {
      right &&= content.matches(at, chunk);
      at += chunk.length;
    });
    message.on('error', () => resolve(false));
    message.on('close', () => resolve(false));
    message.on('end', () => {
      if (!right || at !== Math.max(sent, 0))
        note(`WRONG body of ${id}: ${at} of ${sent}, ${right}`);
      resolve(right);
    });
  });
}

async function sendBody(response: ServerResponse, { id, length, chunked }: Asked): Promise<void> {
  const content = new Content(id, 'answer');
  const framing = chunked ? {} : { 'Content-Length': String(length) };
  response.writeHead(200, { 'X-Id': String(id), ...framing });
  for (let at = 0; at < length && !response.destroyed; at += pieceBytes) {
    const piece = content.bytes(at, Math.min(at + pieceBytes, length));
    if (slow) await sleep(30);
    if (response.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        response.off('drain', goOn);
        response.off('close', goOn);
        resolve();
      };
      response.on('drain', goOn);
      response.on('close', goOn);
    });
  }
  response.end();
}

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = askedOf(message);
  if (asked === null) {
    response.writeHead(400).end();
    return;
  }
  if (message.method === 'POST') note(`POST ${asked.id}`);
  response.on('error', () => undefined);
  const whole = await takeBody(message, asked);
  if (!whole) {
    response.destroy();
    return;
  }
  if (slow) await sleep(100 + (asked.id % 4) * 100);
  if (closes) response.setHeader('Connection', 'close');
  if (message.method === 'HEAD') response.writeHead(200, { 'X-Id': String(asked.id) }).end();
  else await sendBody(response, asked);
}

// Echoes what must be the content of this tunnel from its first byte.
function upgrade(message: IncomingMessage, socket: Duplex, early: Buffer): void {
  socket.on('error', () => socket.destroy());
  const asked = askedOf(message);
  if (asked === null) {
    socket.destroy();
    return;
  }
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n' +
      `X-Id: ${asked.id}\r\n\r\n`,
  );
  const content = new Content(asked.id, 'tunnel');
  let at = 0;
  const echo = (chunk: Buffer): void => {
    if (!content.matches(at, chunk)) note(`WRONG bytes in tunnel ${asked.id} at ${at}`);
    at += chunk.length;
    if (!socket.write(chunk)) socket.pause();
  };
  if (early.length > 0) echo(early);
  socket.on('drain', () => socket.resume());
  socket.on('data', echo);
  socket.on('end', () => socket.end());
}

const server = createServer((message, response) => void answer(message, response));
server.on('upgrade', upgrade);
server.on('tlsClientError', () => undefined);
server.on('clientError', (_, socket) => socket.destroy());
// The proxy closes idle connections long before, so that no request meets a closing one.
server.keepAliveTimeout = 120_000;
server.requestTimeout = 0;

process.on('message', (command: UpstreamCommand) => {
  if (command.kind === 'slow') slow = command.slow;
  else if (command.kind === 'certificate') server.setSecureContext(command.tls);
  else {
    closes = command.closes;
    journal = openSync(command.journal, 'a');
    server.setSecureContext(command.tls);
    server.listen(command.port, '127.0.0.1', 2_000, () => process.send?.('listening'));
  }
});
process.on('disconnect', () => process.exit(0));
