// What goes out to an upstream server, in words: its group, its head, and how its certificate will be
// verified.

import type { ConnectTarget } from '../upstream/connect-target.ts';
import { proxyPass } from '../modules/proxy-rows.ts';
import type { ExplainedTls, ExplainedUpstream } from './explain-model.ts';
import type { PassedFrom } from './explain-trace.ts';
import { readable } from './explain-words.ts';

export function explainUpstream(passed: PassedFrom): ExplainedUpstream {
  const { destination, peer, target, head, scope, sub } = passed;
  const { group } = destination.live;
  const [line = '', ...headers] = readable(head).trimEnd().split('\r\n');
  const around = scope.own(proxyPass) === null ? (scope.parent ?? scope) : scope;
  return {
    origin: readable(destination.origin),
    at: around.at(proxyPass),
    group: readable(group.name),
    servers: group.peers.map((one) => ({
      address: one.name,
      host: one.hostName,
      picked: one === peer,
    })),
    requestLine: line,
    headers,
    tls: explainTls(target),
    sub,
  };
}

function explainTls({ tls }: ConnectTarget): ExplainedTls | null {
  if (tls === null) return null;
  const { settings } = tls.policy;
  const { verify, trusted, verifyDepth: depth, pins, protocols, certificate } = settings;
  const sans = settings.sans.map(({ kind, value }) => `${kind}:${value}`);
  return {
    verify,
    name: verify === 'off' || sans.length > 0 ? null : tls.verifyName,
    sni: tls.serverName,
    trusted: trusted?.path ?? 'the trust store of the system',
    depth,
    sans,
    pins: pins.map((pin) => `sha256/${pin}`),
    protocols,
    clientCertificate: certificate?.certificate.path ?? null,
  };
}
