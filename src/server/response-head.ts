// Composes a response head in nginx's order. Everything that does not change between requests of a
// second is made once: status line, Server and Date.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { statusLine, statusLineOf } from '../http1/status.ts';
import { isFieldValue } from '../http1/text.ts';
import type { ClientSettings, Location } from './location.ts';

let dateSecond = -1;
let dateLine = '';
let lastToken: string | null = null;
let serverAndDate = '';

/** "Server: …" and "Date: …" lines, made anew once a second. */
function serverDateLines(x: Exchange, token: string): string {
  const both = bothLines(token);
  if (x.ownServer && x.ownDate) return both;
  return (x.ownServer ? serverLine(token) : '') + (x.ownDate ? dateLine : '');
}

function bothLines(token: string): string {
  const second = Math.floor(now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    lastToken = null;
  }
  if (token !== lastToken) {
    lastToken = token;
    serverAndDate = serverLine(token) + dateLine;
  }
  return serverAndDate;
}

function serverLine(token: string): string {
  return token === '' ? '' : `Server: ${checked(token)}\r\n`;
}

/** What the Server field and error pages say: nearly always the same (`server_tokens`). */
export function serverTokenOf(x: Exchange, client: ClientSettings): string {
  const { serverTemplate } = client;
  return serverTemplate === null ? client.serverToken : serverTemplate.evaluate(x);
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
  let head = x.reason === null ? statusLine(status) : statusLineOf(status, x.reason);
  head += serverDateLines(x, serverTokenOf(x, client));
  if (status === 204) x.contentLength = -1;
  // nginx takes the type away only where the 204 is its own.
  if ((status !== 204 || x.reason !== null) && x.contentType !== null) {
    head += `Content-Type: ${checked(x.contentType)}\r\n`;
  }
  if (x.trailerLines !== null) prepareTrailers(x, client.chunkedTransferEncoding);
  if (x.contentLength >= 0) head += `Content-Length: ${x.contentLength}\r\n`;
  if (x.redirectPath !== null) {
    // From here on `$sent_http_location` shows what was sent.
    x.redirectPath = checked(absoluteUrl(x, x.redirectPath, client));
    head += `Location: ${x.redirectPath}\r\n`;
  }
  if (x.contentLength < 0 && !isBodyless(status) && !x.tunnels) {
    head += frameOpenEnded(x, client.chunkedTransferEncoding);
  }
  if (status === 101) head += 'Connection: upgrade\r\n';
  else if (x.tunnels) head += '';
  else if (!x.keepAlive) head += 'Connection: close\r\n';
  else if (client.keepaliveHeader === 0) head += 'Connection: keep-alive\r\n';
  else head += `Connection: keep-alive\r\nKeep-Alive: timeout=${client.keepaliveHeader}\r\n`;
  return head + fieldLines(x) + '\r\n';
}

/** Scheme, host and port in front of a path, as nginx builds a Location. */
function absoluteUrl(x: Exchange, path: string, settings: ClientSettings): string {
  // Without a Host there is only the address of this machine, which may be one behind a load balancer
  // that nobody outside is to know. A path is a valid Location too (RFC 9110, section 10.2.2).
  if (x.request.host === null && !settings.serverNameInRedirect) return path;
  const secure = x.client.tls !== null;
  const usual = secure ? 443 : 80;
  const port = x.client.localPort;
  const shown = settings.portInRedirect && port !== usual && port !== 0 ? `:${port}` : '';
  return `${secure ? 'https' : 'http'}://${redirectHost(x, settings)}${shown}${path}`;
}

function redirectHost(x: Exchange, settings: ClientSettings): string {
  return settings.serverNameInRedirect ? x.server.name : x.host;
}

// Only a body in chunks can have fields after it (RFC 9112, section 7.1.2).
function prepareTrailers(x: Exchange, chunkedAllowed: boolean): void {
  const possible = x.request.version === 11 && chunkedAllowed && x.method !== 'HEAD';
  if (possible && !isBodyless(x.status)) x.contentLength = -1;
  else x.trailerLines = null;
}

function frameOpenEnded(x: Exchange, chunkedAllowed: boolean): string {
  if (x.method === 'HEAD') return '';
  if (x.request.version === 11 && chunkedAllowed) {
    x.chunked = true;
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
