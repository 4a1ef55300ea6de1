// Variables before there is a request: `ssl_certificate $ssl_server_name.crt` is worked out in the
// handshake, when nothing is known but the connection and the ClientHello.

import { now } from '../base/clock.ts';
import type { Argument } from '../config/node.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { noClient, noClientTls } from '../exchange/no-client.ts';
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

/** An exchange without a request, to evaluate strings with variables for. */
export function handshakeExchange(visitor: Visitor): Exchange {
  const startedAt = now();
  const { hello, serverName, remoteAddress, remotePort, localAddress, localPort } = visitor;
  const client: Downstream = {
    ...noClient,
    startedAt,
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    tls: { ...noClientTls, ...helloTexts(hello), serverName },
  };
  const request = new RequestHead();
  return new Exchange(client, { request, server: { name: '' }, startedAt, fields: new Fields() });
}
