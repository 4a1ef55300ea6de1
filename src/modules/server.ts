// `server`: virtual servers, and the ports that they share.

import { formatAddress, type Address } from '../base/address.ts';
import { blockDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { ServerNames } from '../server/server-names.ts';
import type { ListenAddress, Port, VirtualServer } from '../server/virtual-server.ts';
import { clientHeaderTimeout, headLimits, mergeSlashes } from './client.ts';
import { inHttp } from './contexts.ts';
import { defaultListen, listen, listenAddresses, type Listen } from './listen.ts';
import { buildLocations, buildServerLocation, type LocationTools } from './location.ts';
import type { Module } from './module.ts';
import { serverNames } from './server-name.ts';
import { serverTls } from './ssl-policy.ts';
import { hasTunnel } from './tunnel-scopes.ts';
import { sslCertificate, sslRejectHandshake, sslVerifyClient } from './ssl-rows.ts';
import type { ServerName } from '../server/server-names.ts';

export const server = blockDirective({
  name: 'server',
  contexts: inHttp,
  args: 0,
  opens: 'server',
  help: 'A virtual server.',
  example: 'server {\n' + '  listen 80;\n' + '  server_name example.org;\n' + '}',
});

interface BuiltServer {
  readonly scope: Scope;
  readonly server: VirtualServer;
  readonly names: readonly ServerName[];
  readonly listens: readonly Listen[];
}

/** One port while servers are added to it. */
interface PortDraft {
  readonly address: Address;
  readonly first: Listen;
  ssl: boolean;
  proxyProtocol: boolean;
  backlog: number | null;
  ipv6Only: boolean | null;
  reusePort: boolean;
  defaultServer: VirtualServer;
  defaultGiven: boolean;
  readonly names: ServerNames<VirtualServer>;
  /** All servers of the port. */
  readonly servers: BuiltServer[];
}

/** Builds all servers and gives the sockets that they need. */
export function buildServers(http: Scope, tools: LocationTools, privileged: boolean) {
  const ports = new Map<string, PortDraft>();
  http.blocks(server).forEach((scope, i) => {
    const built = buildServer(scope, `server ${i}`, tools, privileged);
    for (const one of built.listens) addListen(one, built, ports, tools);
  });
  for (const port of ports.values()) if (port.ssl) checkCertificates(port, tools);
  return sockets(ports);
}

// As in nginx, a server without a certificate is met with that of the port's default server. But who
// verifies clients must say with which certificate: the handshake follows that server's settings.
function checkCertificates(port: PortDraft, { context }: LocationTools): void {
  const bare = port.servers.filter(
    ({ scope, server }) => !server.rejectsHandshake && !hasCertificate(scope),
  );
  const defaultHasOne = !port.defaultServer.rejectsHandshake;
  for (const { scope, server } of bare) {
    const isDefault = server === port.defaultServer;
    if (!isDefault && defaultHasOne && !server.verifiesClients) continue;
    const message = 'no "ssl_certificate" is defined for the "listen ... ssl" directive';
    context.reportOnce('error', scope.node?.at ?? null, message);
  }
}

function buildServer(
  scope: Scope,
  id: string,
  tools: LocationTools,
  privileged: boolean,
): BuiltServer {
  const { context } = tools;
  const own = scope.own(listen);
  const listens = own ?? (scope.node === null ? [] : [defaultListen(scope.node, privileged)]);
  const { first, names } = serverNames(scope, context);
  const rejectsHandshake = scope.get(sslRejectHandshake);
  const ownPolicy = listens.some((one) => one.ssl) && !rejectsHandshake && hasCertificate(scope);
  const errorLog = tools.errorLogs.of(scope);
  const tls = ownPolicy ? serverTls({ scope, id, errorLog }, context) : null;
  const { handlers, outside } = buildServerLocation(scope, tools);
  const server: VirtualServer = {
    name: first,
    limits: headLimits(scope),
    clientHeaderTimeout: scope.get(clientHeaderTimeout),
    mergeSlashes: scope.get(mergeSlashes),
    handlers,
    locations: buildLocations(scope, tools),
    outside,
    tls,
    verifiesClients: scope.get(sslVerifyClient) !== 'off',
    rejectsHandshake,
    tunnels: hasTunnel(scope),
    unattended: context.unattended,
  };
  context.trace?.builtServer(server, scope, names);
  return { scope, names, listens, server };
}

function hasCertificate(scope: Scope): boolean {
  return scope.get(sslCertificate).length > 0;
}

function keyOf(address: Address): string {
  return formatAddress(address);
}

function addListen(
  one: Listen,
  built: BuiltServer,
  ports: Map<string, PortDraft>,
  tools: LocationTools,
): void {
  const { context } = tools;
  const addresses = listenAddresses(one, context.addresses);
  if (addresses === null) {
    context.error(one.at, `host not found in "${one.text}" of the "listen" directive`);
    return;
  }
  for (const address of addresses) {
    const key = keyOf(address);
    const known = ports.get(key);
    if (known === undefined) ports.set(key, newPort(address, one, built));
    else mergePort(known, key, one, built, tools);
  }
  const keys = addresses.map(keyOf);
  for (const key of keys) {
    const port = ports.get(key);
    if (port === undefined) continue;
    addNames(port, key, built, tools);
    if (!port.servers.includes(built)) port.servers.push(built);
  }
}

function newPort(address: Address, one: Listen, built: BuiltServer): PortDraft {
  return {
    address,
    first: one,
    ssl: one.ssl,
    proxyProtocol: one.proxyProtocol,
    backlog: one.backlog,
    ipv6Only: one.ipv6Only,
    reusePort: one.reusePort,
    defaultServer: built.server,
    defaultGiven: one.defaultServer,
    names: new ServerNames<VirtualServer>(),
    servers: [],
  };
}

function mergePort(
  port: PortDraft,
  key: string,
  one: Listen,
  built: BuiltServer,
  tools: LocationTools,
): void {
  const { context } = tools;
  if (built.listens.some((other) => other !== one && sameAddress(other, one))) {
    if (port.defaultServer === built.server || port.first !== one) {
      context.error(one.at, `a duplicate listen ${key}`);
    }
  }
  port.proxyProtocol ||= one.proxyProtocol;
  if (one.ssl !== port.ssl && !(one.ssl || port.first.ssl)) return;
  if (one.ssl && !port.ssl) port.ssl = true;
  port.backlog ??= one.backlog;
  port.ipv6Only ??= one.ipv6Only;
  port.reusePort ||= one.reusePort;
  if (!one.defaultServer) return;
  if (port.defaultGiven) {
    context.error(one.at, `a duplicate default server for ${key}`);
    return;
  }
  port.defaultGiven = true;
  port.defaultServer = built.server;
}

function sameAddress(a: Listen, b: Listen): boolean {
  return JSON.stringify(a.target) === JSON.stringify(b.target);
}

function addNames(port: PortDraft, key: string, built: BuiltServer, tools: LocationTools): void {
  for (const name of built.names) {
    if (port.names.add(name, built.server)) continue;
    const text = name.kind === 'regex' ? '' : name.name;
    tools.context.diagnostics.warn(
      built.scope.node?.at ?? null,
      `conflicting server name "${text}" on ${key}, ignored`,
    );
  }
}

// A socket bound to all addresses of a port takes the connections of its single addresses too: they
// can't be bound beside it. The local address then says whose servers answer.
function sockets(ports: ReadonlyMap<string, PortDraft>): ListenAddress[] {
  const listens: ListenAddress[] = [];
  const finished = new Map<PortDraft, Port>();
  for (const [key, draft] of ports) finished.set(draft, finishPort(key, draft));
  for (const [key, draft] of ports) {
    if (wildcardOver(draft, ports) !== null) continue;
    const port = finished.get(draft);
    if (port === undefined) continue;
    const single = [...ports.values()].filter((one) => wildcardOver(one, ports) === draft);
    listens.push({
      key,
      address: draft.address,
      backlog: draft.backlog,
      ipv6Only: draft.ipv6Only ?? true,
      reusePort: draft.reusePort,
      port,
      byLocalAddress: single.length === 0 ? null : byAddress(single, finished),
    });
  }
  return listens;
}

function finishPort(key: string, draft: PortDraft): Port {
  const { ssl: tls, proxyProtocol } = draft;
  return { key, tls, proxyProtocol, defaultServer: draft.defaultServer, names: draft.names };
}

function byAddress(
  drafts: readonly PortDraft[],
  finished: ReadonlyMap<PortDraft, Port>,
): ReadonlyMap<string, Port> {
  const map = new Map<string, Port>();
  for (const draft of drafts) {
    const port = finished.get(draft);
    if (port !== undefined && draft.address.kind === 'ip') map.set(draft.address.host, port);
  }
  return map;
}

function wildcardOver(draft: PortDraft, ports: ReadonlyMap<string, PortDraft>): PortDraft | null {
  const { address } = draft;
  if (address.kind === 'unix' || address.port === 0) return null;
  const any = address.host.includes(':') ? '::' : '0.0.0.0';
  if (address.host === any) return null;
  return ports.get(formatAddress({ kind: 'ip', host: any, port: address.port })) ?? null;
}

export const serverModule: Module = { name: 'server', directives: [server] };
