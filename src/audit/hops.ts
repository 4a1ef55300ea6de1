// Every place where requests leave for other servers, with what holds there after inheritance.

import type { DirectiveNode } from '../config/node.ts';
import { isIP } from 'node:net';
import { parseHostPort } from '../base/address.ts';
import { defaultsOf, type HopDefaults } from './dialect.ts';
import type {
  Dialect,
  Hop,
  HopKind,
  HopScheme,
  HopServer,
  Verdict,
  Verification,
} from './model.ts';
import { redact } from './redact.ts';
import { farthest, groupsOf, readTarget, serverOfUrl, serversOf, type Target } from './targets.ts';
import type { Level } from './tree.ts';
import { Definitions, expansions } from './variables.ts';

/** Which directive makes a hop, by the family of its TLS directives. */
const passes: readonly { readonly directive: string; readonly kind: HopKind }[] = [
  { directive: 'proxy_pass', kind: 'proxy' },
  { directive: 'grpc_pass', kind: 'grpc' },
  { directive: 'uwsgi_pass', kind: 'uwsgi' },
];

/**
 * All hops, in the order of the configuration.
 *
 * @param definitions - those of the configuration; made here where left out
 */
export function findHops(
  root: Level,
  dialect: Dialect,
  definitions: Definitions = new Definitions(root),
): readonly Hop[] {
  const groups = groupsOf(root);
  const hops: Hop[] = [];
  for (const level of root.walk()) {
    for (const { directive, kind } of passes) {
      for (const node of level.own(directive)) {
        const family = level.around('stream') === null ? kind : 'stream';
        const id = hops.length;
        hops.push(hopOf({ id, kind: family, node, level, groups, dialect, definitions }));
      }
    }
  }
  return hops;
}

interface HopStart {
  readonly id: number;
  readonly kind: HopKind;
  readonly node: DirectiveNode;
  readonly level: Level;
  readonly groups: ReadonlyMap<string, Level>;
  readonly dialect: Dialect;
  readonly definitions: Definitions;
}

/** The name of a directive in the hop's family: `proxy_ssl_verify`, `grpc_ssl_verify`. */
export function sslDirective(kind: HopKind, rest: string): string {
  return `${kind === 'stream' ? 'proxy' : kind}_ssl_${rest}`;
}

function hopOf({ id, kind, node, level, groups, dialect, definitions }: HopStart): Hop {
  const to = node.args[0]?.text ?? '';
  const targets = expansions(definitions, level, to).map(readTarget);
  const [target = readTarget(to)] = targets;
  const scheme = kind === 'stream' ? streamScheme(level) : commonScheme(targets);
  const authorities = [...new Set(targets.map(({ authority }) => authority))];
  const authority = authorities.length === 1 ? target.authority : to;
  const group = groups.get(authority.toLowerCase()) ?? null;
  const usualPort = scheme === 'https' ? 443 : 80;
  const servers = authorities.flatMap((one) => {
    const named = groups.get(one.toLowerCase());
    return named === undefined ? [serverOfUrl(one, usualPort)] : serversOf(named, usualPort);
  });
  const place = farthest(servers.map((server) => server.place));
  const facts = tlsFacts({ kind, level, scheme, servers, authority, group, dialect });
  return {
    id,
    kind,
    node,
    level,
    from: describeLevel(level),
    to: redact(to),
    scheme,
    group: group === null ? null : authority,
    variable: readTarget(to).authority.includes('$'),
    servers,
    place,
    ...facts,
    verdict: verdictOf(facts, place),
  };
}

// Where a variable chooses among several URLs.
function commonScheme(targets: readonly Target[]): HopScheme {
  const [first, ...others] = new Set(targets.map(({ scheme }) => scheme));
  return first === undefined || others.length > 0 ? 'variable' : first;
}

// In `stream` the URL has no scheme: `proxy_ssl` says whether there is TLS.
function streamScheme(level: Level): HopScheme {
  return level.isOn('proxy_ssl', false) ? 'https' : 'http';
}

interface TlsStart {
  readonly kind: HopKind;
  readonly level: Level;
  readonly scheme: HopScheme;
  readonly servers: readonly HopServer[];
  readonly authority: string;
  readonly group: Level | null;
  readonly dialect: Dialect;
}

type TlsFacts = Pick<
  Hop,
  'encrypted' | 'verification' | 'trust' | 'name' | 'sni' | 'clientCertificate' | 'protocols'
>;

const noTls: TlsFacts = {
  encrypted: false,
  verification: 'none',
  trust: null,
  name: null,
  sni: null,
  clientCertificate: null,
  protocols: [],
};

function tlsFacts(start: TlsStart): TlsFacts {
  const { kind, level, scheme, dialect } = start;
  if (scheme === 'http') return noTls;
  const defaults = defaultsOf[dialect];
  const value = (rest: string): string | null => level.value(sslDirective(kind, rest));
  const verification = verificationOf(value('verify'), defaults);
  const name = checkedName(start, value('name'), defaults);
  const sends = level.isOn(sslDirective(kind, 'server_name'), defaults.serverName);
  const protocols = level.last(sslDirective(kind, 'protocols'))?.args.map(({ text }) => text);
  return {
    encrypted: scheme === 'https',
    verification,
    trust: verification === 'off' ? null : trustOf(level, kind, defaults),
    name: verification === 'off' ? null : name,
    sni: sends && name !== null && isIP(name) === 0 ? name : null,
    clientCertificate: value('certificate'),
    protocols: protocols ?? ['TLSv1.2', 'TLSv1.3'],
  };
}

function verificationOf(written: string | null, defaults: HopDefaults): Verification {
  if (written === null) return defaults.verify ? 'on' : 'off';
  const lower = written.toLowerCase();
  return lower === 'on' || lower === 'report' ? lower : 'off';
}

function trustOf(level: Level, kind: HopKind, defaults: HopDefaults): string | null {
  const file = level.value(sslDirective(kind, 'trusted_certificate'));
  if (file !== null) return file;
  return defaults.systemTrust ? 'the trust store of the system' : null;
}

/** The name that the certificate has to be for; "each server's own" for several. */
function checkedName(
  { servers, authority, group }: TlsStart,
  written: string | null,
  defaults: HopDefaults,
): string | null {
  if (written !== null && written !== '$proxy_host') return written;
  if (group === null)
    return parseHostPort(authority)?.host ?? (authority === '' ? null : authority);
  if (defaults.groupName || written !== null) return authority;
  const names = new Set(servers.map((server) => server.sslName ?? server.host));
  return names.size === 1 ? ([...names][0] ?? null) : "each server's own";
}

function verdictOf(facts: TlsFacts, place: Hop['place']): Verdict {
  if (!facts.encrypted) return place === 'loopback' ? 'local' : 'open';
  if (facts.verification === 'off') return 'unverified';
  return facts.verification === 'report' || facts.trust === null ? 'weak' : 'verified';
}

/** "location /api/ of app.example". */
export function describeLevel(level: Level): string {
  const server = level.around('server');
  const name = server?.own('server_name')[0]?.args[0]?.text ?? null;
  const of = server === null ? '' : ` of ${name ?? 'a server without a name'}`;
  const path: string[] = [];
  for (let one: Level | null = level; one !== null && one !== server; one = one.parent) {
    if (one.node !== null && one.kind !== 'http' && one.kind !== 'stream') {
      path.unshift([one.node.name, ...one.node.args.map(({ text }) => text)].join(' '));
    }
  }
  return path.length === 0 ? (name ?? 'server') : path.join(', ') + of;
}
