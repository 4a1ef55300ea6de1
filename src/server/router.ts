// From a parsed head to the first handler: virtual server, normalised URI, checks of the client's
// certificate that need no location.

import type { Exchange } from '../exchange/exchange.ts';
import { HeadResult } from '../http1/request-head.ts';
import type { ClientConnection } from './client-connection.ts';
import { answerStatus, startPhases } from './phases.ts';
import { logError } from './request-log.ts';
import { hostName, normalizePath } from './uri.ts';
import type { VirtualServer } from './virtual-server.ts';

/** Internal statuses (nginx's): the client sees 431 and 400. */
const certificateError = 495;
const certificateMissing = 496;

const statusOfHeadResult: Readonly<Record<number, number>> = {
  [HeadResult.badRequest]: 400,
  [HeadResult.uriTooLong]: 414,
  [HeadResult.fieldTooLarge]: 431,
  [HeadResult.versionUnsupported]: 505,
  [HeadResult.notImplemented]: 501,
};

/** Answers a head that could not be parsed; the connection closes afterwards. */
export function rejectHead(x: Exchange, result: number): void {
  x.keepAlive = false;
  x.location = (x.server as VirtualServer).outside;
  logError(x, 'info', `client sent invalid request: ${x.request.error}`);
  answerStatus(x, statusOfHeadResult[result] ?? 400);
}

/** Chooses server and URI and starts the phases. */
export function route(x: Exchange): void {
  const client = x.client as ClientConnection;
  const { port } = client.host;
  const { request } = x;
  const authority = request.host;
  if (authority !== null && authority !== '') {
    const host = hostName(authority);
    if (host === null) {
      x.keepAlive = false;
      answerStatus(x, 400);
      return;
    }
    x.host = host;
    x.server = port.names.find(host, x) ?? port.defaultServer;
  }
  const server = x.server as VirtualServer;
  if (x.host === '') x.host = server.name;
  if (port.tls && !clientMayPass(x, client, server)) return;
  if (request.form === 'authority') {
    x.keepAlive = false;
    answerStatus(x, 405);
    return;
  }
  const uri = request.form === 'asterisk' ? '*' : normalizePath(request.path, server.mergeSlashes);
  if (uri === null) {
    x.keepAlive = false;
    logError(x, 'info', 'client sent invalid request: malformed or unsafe path');
    answerStatus(x, 400);
    return;
  }
  x.uri = uri;
  startPhases(x);
}

// The client's certificate was checked by the policy that SNI chose. A Host of a server with
// another policy must not profit from that (RFC 9110, section 15.5.20).
function clientMayPass(x: Exchange, client: ClientConnection, server: VirtualServer): boolean {
  const { tls } = client;
  if (tls === null) return true;
  if (server.verifiesClients && server.tls?.clientVerificationKey !== client.policyKey) {
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
