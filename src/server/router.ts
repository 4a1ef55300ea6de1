// From a parsed head to the first handler: virtual server, normalised URI, checks of the client's
// certificate that need no location.

import { errorRows } from '../base/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { requestErrorCode } from '../http1/head-result.ts';
import type { ClientReader } from './client-reader.ts';
import { answerStatus, findErrorPage, startPhases } from './phases.ts';
import { logError } from './request-log.ts';
import { hostName, normalizePath } from './uri.ts';
import type { Port, VirtualServer } from './virtual-server.ts';

/** What the last Host of a connection led to. */
export interface ChosenHost {
  readonly authority: string;
  readonly port: Port;
  readonly host: string;
  readonly server: VirtualServer;
}

/** Internal statuses (nginx's): the client sees 431 and 400. */
const headerTooLarge = 494;
const certificateError = 495;
const certificateMissing = 496;
const plainHttpToTls = 497;

/** Answers a head that could not be parsed; the connection closes afterwards. */
export function rejectHead(x: Exchange, result: number): void {
  x.keepAlive = false;
  const server = x.server as VirtualServer;
  x.location = server.outside;
  // For the log: as much as was understood.
  x.host = server.name;
  x.uri = normalizePath(x.request.path, server.mergeSlashes) ?? '';
  logError(x, 'info', `client sent invalid request: ${x.request.error}`);
  const { status } = errorRows[requestErrorCode(result)];
  if (status === 400 && speaksPlainHttp(x)) answerStatus(x, plainHttpToTls);
  // `error_page 494` is for what the client sees as 431.
  else
    answerStatus(
      x,
      status === 431 && findErrorPage(x, headerTooLarge) !== null ? headerTooLarge : status,
    );
}

/** Is there no TLS on a connection to a port that speaks it? */
function speaksPlainHttp({ client }: Exchange): boolean {
  return client.tls === null && (client as ClientReader).host.port.tls;
}

/** Chooses server and URI and starts the phases. */
export function route(x: Exchange): void {
  const client = x.client as ClientReader;
  const { port } = client.host;
  const { request } = x;
  const authority = request.host;
  if (authority === null || authority === '') {
    // HTTP/1.0, or an empty Host: `server_name ""` is for these.
    x.server = port.names.find('', x) ?? port.defaultServer;
  } else if (!chooseServer(x, client, authority)) {
    x.keepAlive = false;
    answerStatus(x, 400);
    return;
  }
  const server = x.server as VirtualServer;
  if (x.host === '') x.host = server.name;
  if (port.tls && !clientMayPass(x, client, server)) return;
  // A tunnel only where one is asked for; a method that shows the client's secrets to scripts never.
  if (request.form === 'authority' ? !server.tunnels : request.method === 'TRACE') {
    x.keepAlive = false;
    // For `error_page`.
    x.uri = normalizePath(pathOf(request), server.mergeSlashes) ?? '';
    answerStatus(x, 405);
    return;
  }
  // "OPTIONS *" is about the whole server: there is no path that a location could match.
  // nginx reads the path before it knows the Host: only SNI can have led away from the default.
  const { mergeSlashes } = port.tls ? server : port.defaultServer;
  const uri = request.form === 'asterisk' ? null : normalizePath(pathOf(request), mergeSlashes);
  if (uri === null) {
    x.keepAlive = false;
    logError(x, 'info', 'client sent invalid request: malformed or unsafe path');
    answerStatus(x, 400);
    return;
  }
  x.uri = uri;
  startPhases(x);
}

// CONNECT names no path: locations are looked for as for "/".
function pathOf({ path }: Exchange['request']): string {
  return path === '' ? '/' : path;
}

// Requests over one connection nearly always name the same host. False: it is malformed.
function chooseServer(x: Exchange, client: ClientReader, authority: string): boolean {
  const { port } = client.host;
  const { lastHost } = client;
  if (lastHost !== null && lastHost.authority === authority && lastHost.port === port) {
    x.host = lastHost.host;
    x.server = lastHost.server;
    return true;
  }
  const host = hostName(authority);
  if (host === null) return false;
  x.host = host;
  const server = port.names.find(host, x) ?? port.defaultServer;
  x.server = server;
  // A regular expression has to match again each time, for its captures.
  client.lastHost = x.captures === null ? { authority, port, host, server } : null;
  return true;
}

// The client's certificate was checked by the policy that SNI chose. A Host of a server with
// another policy must not profit from that (RFC 9110, section 15.5.20).
function clientMayPass(x: Exchange, client: ClientReader, server: VirtualServer): boolean {
  const { tls } = client;
  if (tls === null) {
    x.keepAlive = false;
    logError(x, 'info', 'client sent plain HTTP request to HTTPS port');
    answerStatus(x, plainHttpToTls);
    return false;
  }
  if (server.verifiesClients && server.tls?.clientVerificationKey !== client.policyKey) {
    x.keepAlive = false;
    logError(x, 'info', 'client requested another server name than it negotiated by SNI');
    answerStatus(x, 421);
    return false;
  }
  if (!server.verifiesClients) return true;
  const problem = tls.certificateProblem;
  if (problem === null) return true;
  logError(
    x,
    'info',
    problem === 'absent'
      ? 'client sent no required SSL certificate'
      : `client SSL certificate verify error: ${tls.verify}`,
  );
  x.keepAlive = false;
  answerStatus(x, problem === 'absent' ? certificateMissing : certificateError);
  return false;
}
