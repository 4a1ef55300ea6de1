// Variables before there is a request: `ssl_certificate $ssl_server_name.crt` is worked out in the
// handshake, when nothing is known but the connection and the ClientHello.

import { now } from '../base/clock.ts';
import { SallyportError } from '../base/errors.ts';
import type { Argument } from '../config/node.ts';
import type { ClientTls, Downstream } from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { splitTemplate } from '../exchange/template.ts';
import { Fields } from '../http1/fields.ts';
import { RequestHead } from '../http1/request-head.ts';
import { helloTexts } from '../tls/client-facts.ts';
import type { Visitor } from '../tls/server-policy.ts';
import type { BuildContext } from './build-context.ts';

const known = new Set([
  'ssl_server_name',
  'ssl_ciphers',
  'ssl_curves',
  'ssl_sigalgs',
  'remote_addr',
  'binary_remote_addr',
  'remote_port',
  'server_addr',
  'server_port',
  'hostname',
  'pid',
  'nginx_version',
]);

/**
 * Reports variables that have no value in a handshake; those of the configuration's own (`map`) may
 * have one. What is malformed or unknown is reported by whoever compiles the text.
 */
export function checkHandshakeVariables({ text, at }: Argument, context: BuildContext): void {
  for (const name of variableNames(text)) {
    if (known.has(name.toLowerCase()) || context.variables.isOwn(name)) continue;
    if (context.variables.find(name) === null) continue;
    const message = `"$${name}" has no value in a TLS handshake`;
    const names = [...known].map((one) => `$${one}`).join(', ');
    context.error(at, message, `there are ${names}, and variables of "map"`);
  }
}

function variableNames(text: string): readonly string[] {
  try {
    return splitTemplate(text).flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
  } catch {
    return [];
  }
}

function never(): never {
  throw new SallyportError('INTERNAL', 'there is no client that could be answered');
}

/** The client's side of an exchange behind which there is no client. */
export const noRequest = {
  readBody: never,
  pauseBody: never,
  resumeBody: never,
  sendContinue: never,
  sendInterim: never,
  filterHead: never,
  sendHead: never,
  sendBody: never,
  endBody: never,
  abortBody: never,
  startTunnel: never,
  writeTunnel: never,
  endTunnel: never,
  closeTunnel: never,
  pauseTunnel: never,
  resumeTunnel: never,
  unsent: 0,
};

/** An exchange without a request, to evaluate strings with variables for. */
export function handshakeExchange(visitor: Visitor): Exchange {
  const startedAt = now();
  const { remoteAddress, remotePort, localAddress, localPort } = visitor;
  const client: Downstream = {
    ...noRequest,
    id: 0,
    startedAt,
    requests: 0,
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    tls: offeredTls(visitor),
    proxied: null,
  };
  const request = new RequestHead();
  return new Exchange(client, { request, server: { name: '' }, startedAt, fields: new Fields() });
}

function offeredTls({ hello, serverName }: Visitor): ClientTls {
  return {
    ...helloTexts(hello),
    protocol: '',
    cipher: '',
    curve: '',
    sigalg: '',
    serverName,
    reused: false,
    alpn: '',
    sessionId: '',
    verify: 'NONE',
    certificate: null,
    certificateProblem: null,
    subject: '',
    issuer: '',
    subjectLegacy: '',
    issuerLegacy: '',
    serial: '',
    fingerprint: '',
    notBefore: '',
    notAfter: '',
    daysLeft: '',
  };
}
