// Composes a response head in nginx's order. Everything that does not change between requests of a
// second is made once: status line, Server and Date.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { statusLine } from '../http1/status.ts';
import { isFieldValue } from '../http1/text.ts';
import type { Location } from './location.ts';

let dateSecond = -1;
let dateLine = '';
let lastToken = '';
let serverAndDate = '';

/** "Server: …" and "Date: …" lines, made anew once a second. */
function serverDateLines(token: string): string {
  const second = Math.floor(now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    lastToken = '';
  }
  if (token !== lastToken) {
    lastToken = token;
    serverAndDate = `Server: ${token}\r\n${dateLine}`;
  }
  return serverAndDate;
}

/** Field lines that a filter hid carry this id: they are skipped. */
export const hiddenField = -1;

/** Has a response of this status no body, whatever its fields say (RFC 9112, section 6.3)? */
export function isBodyless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/**
 * The whole head with its empty line. Decides the framing: sets `x.chunked`, and gives up keepalive
 * where only the end of the connection can end the body.
 */
export function composeResponseHead(x: Exchange, location: Location): string {
  const { client } = location;
  const status = x.status;
  let head = statusLine(status) + serverDateLines(client.serverToken);
  if (status === 204) {
    x.contentLength = -1;
  } else if (x.contentType !== null) {
    head += `Content-Type: ${checked(x.contentType)}\r\n`;
  }
  if (x.contentLength >= 0) {
    head += `Content-Length: ${x.contentLength}\r\n`;
  } else if (!isBodyless(status) && status !== 101) {
    head += frameOpenEnded(x, client.chunkedTransferEncoding);
  }
  if (status === 101) head += 'Connection: upgrade\r\n';
  else if (!x.keepAlive) head += 'Connection: close\r\n';
  else if (client.keepaliveHeader === 0) head += 'Connection: keep-alive\r\n';
  else head += `Connection: keep-alive\r\nKeep-Alive: timeout=${client.keepaliveHeader}\r\n`;
  return head + fieldLines(x) + '\r\n';
}

function frameOpenEnded(x: Exchange, chunkedAllowed: boolean): string {
  if (x.request.version === 11 && chunkedAllowed) {
    x.chunked = x.method !== 'HEAD';
    return 'Transfer-Encoding: chunked\r\n';
  }
  x.keepAlive = false;
  return '';
}

function fieldLines(x: Exchange): string {
  const { names, values, ids } = x.fields;
  let lines = '';
  for (let i = 0; i < names.length; i += 1) {
    if (ids[i] === hiddenField) continue;
    lines += `${names[i] ?? ''}: ${checked(values[i] ?? '')}\r\n`;
  }
  return lines;
}

// Decoded URIs and captures may hold CR, LF or NUL. They never leave: the value is cut there.
function checked(value: string): string {
  return isFieldValue(value) ? value : value.replace(/[\x00-\x08\x0a-\x1f\x7f].*$/s, '');
}
