// `reuse-policy` and `keepalive-share`: hops to one peer with different policies, where nginx takes the
// TLS session or the connection of one for the other.

import { sslDirective } from '../hops.ts';
import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, setDirective, type AuditSubject, type Rule } from '../rule.ts';

const settings = ['crl', 'certificate_key', 'verify_depth', 'ciphers', 'conf_command', 'name'];

// What has to be the same for two hops to have the same right to a session.
function policyOf(hop: Hop): string {
  const rest = settings.map((one) =>
    hop.level
      .effective(sslDirective(hop.kind, one))
      .map(({ args }) => args.map(({ text }) => text).join(' '))
      .join(','),
  );
  const { verification, trust, name, sni, clientCertificate, protocols } = hop;
  return JSON.stringify([verification, trust, name, sni, clientCertificate, protocols, rest]);
}

interface Use {
  readonly hop: Hop;
  readonly policy: string;
}

// Hops with TLS by the peer that nginx keeps sessions for.
function byPeer(hops: readonly Hop[]): readonly (readonly Use[])[] {
  const peers = new Map<string, Use[]>();
  for (const hop of hops) {
    if (!hop.encrypted || hop.variable) continue;
    const server = hop.servers[0];
    const key = `${hop.kind} ${hop.group ?? `${server?.host ?? ''}:${server?.port ?? 0}`}`;
    const same = peers.get(key);
    const use = { hop, policy: policyOf(hop) };
    if (same === undefined) peers.set(key, [use]);
    else same.push(use);
  }
  return [...peers.values()].filter((same) => new Set(same.map(({ policy }) => policy)).size > 1);
}

// Is there something to get around: a check, or the certificate of one client?
function guards(hop: Hop): boolean {
  return hop.verification === 'on' || hop.clientCertificate !== null;
}

function placeOf(hop: Hop): string {
  return `line ${hop.node.at.line}`;
}

function* checkSessions({ hops, dialect }: AuditSubject): Iterable<RawFinding> {
  if (dialect === 'sallyport') return;
  for (const same of byPeer(hops)) {
    for (const { hop, policy } of same) {
      const directive = sslDirective(hop.kind, 'session_reuse');
      const other = same.find((one) => one.policy !== policy)?.hop;
      if (other === undefined || !guards(hop) || !hop.level.isOn(directive, true)) continue;
      const skipped =
        hop.verification === 'on'
          ? 'the certificate is not checked again'
          : 'the client is not asked for its certificate again';
      yield {
        node: hop.node,
        hop,
        message: `the hop to "${hop.to}" takes over TLS sessions of ${placeOf(other)}, which has other settings, and in those ${skipped}`,
        fix: `${directive} off;`,
        edits: [setDirective(hop.level, hop.node, directive, 'off')],
      };
    }
  }
}

const twoPolicies = (inner: string): string => `upstream app { server app.internal:443; }
server {
  proxy_ssl_verify on;
  proxy_ssl_name app.internal;
${inner}`;

export const reusePolicy: Rule = {
  id: 'reuse-policy',
  title: 'TLS sessions shared by different policies',
  severity: 'high',
  what:
    'Several hops to one peer with different TLS settings (CA, name, client certificate, verification) ' +
    'while proxy_ssl_session_reuse is on, as it is unless switched off.',
  why:
    'nginx keeps sessions for each peer, whatever the policy was. On a resumed session no certificate ' +
    'is sent, so the CA of the stricter hop is never looked at: a server that it would refuse answers ' +
    'with 200 once the other hop was used.',
  mend: 'Give these hops the same settings, groups of their own, or proxy_ssl_session_reuse off.',
  references: ['CWE-295', 'CWE-613'],
  cases: [
    hit(
      'two CAs for one group',
      twoPolicies(`  location /a {
    proxy_ssl_trusted_certificate a.pem;
    proxy_pass https://app; # here
  }
  location /b {
    proxy_ssl_trusted_certificate b.pem;
    proxy_pass https://app; # here
  }
}
`),
    ),
    hit(
      'verified here, not verified there',
      `server {
  location /a { proxy_pass https://app.internal; }
  location /b {
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ca.pem;
    proxy_pass https://app.internal; # here
  }
}
`,
    ),
    miss(
      'one policy, from the level above',
      twoPolicies(`  proxy_ssl_trusted_certificate a.pem;
  location /a { proxy_pass https://app; }
  location /b { proxy_pass https://app; }
}
`),
    ),
    miss(
      'no session is used twice',
      twoPolicies(`  proxy_ssl_session_reuse off;
  location /a { proxy_ssl_trusted_certificate a.pem; proxy_pass https://app; }
  location /b { proxy_ssl_trusted_certificate b.pem; proxy_pass https://app; }
}
`),
    ),
  ],
  check: checkSessions,
};

function* checkConnections({ hops, groups, dialect }: AuditSubject): Iterable<RawFinding> {
  if (dialect === 'sallyport') return;
  for (const same of byPeer(hops)) {
    const name = same[0]?.hop.group ?? '';
    const group = groups.get(name.toLowerCase());
    const node = group?.own('keepalive').at(-1);
    if (node === undefined || node.args.some(({ text }) => text === 'local')) continue;
    if (node.args[0]?.text === '0' || !same.some(({ hop }) => guards(hop))) continue;
    const places = same
      .slice(0, 5)
      .map(({ hop }) => placeOf(hop))
      .join(' and ');
    yield {
      node,
      message: `connections kept open to "${name}" are shared by ${places}, which have different TLS settings`,
      fix: 'a group of its own for each policy, or, from nginx 1.29.7 on: keepalive … local;',
    };
  }
}

const keptOpen = (keepalive: string, inner: string): string => `upstream app {
  server app.internal:443;
  ${keepalive}
}
server {
  proxy_ssl_verify on;
  proxy_ssl_name app.internal;
${inner}`;

export const keepaliveShare: Rule = {
  id: 'keepalive-share',
  title: 'kept connections shared by different policies',
  severity: 'high',
  what: 'A group with keepalive that hops with different TLS settings use.',
  why:
    'nginx picks kept connections by address alone: a request that has to be verified, or sent under ' +
    'one client certificate, goes out on a connection that was opened without, or under another.',
  mend: 'One group for each policy; from nginx 1.29.7 on, the parameter local of keepalive.',
  references: ['CWE-295', 'CWE-668'],
  cases: [
    hit(
      'two CAs',
      keptOpen(
        'keepalive 16; # here',
        `  location /a { proxy_ssl_trusted_certificate a.pem; proxy_pass https://app; }
  location /b { proxy_ssl_trusted_certificate b.pem; proxy_pass https://app; }
}
`,
      ),
    ),
    hit(
      'a client certificate in one location only',
      keptOpen(
        'keepalive 16; # here',
        `  proxy_ssl_trusted_certificate ca.pem;
  location /a { proxy_ssl_certificate me.pem; proxy_pass https://app; }
  location /b { proxy_pass https://app; }
}
`,
      ),
    ),
    miss(
      'one policy, from the level above',
      keptOpen(
        'keepalive 16;',
        `  proxy_ssl_trusted_certificate ca.pem;
  location /a { proxy_pass https://app; }
  location /b { proxy_pass https://app; }
}
`,
      ),
    ),
    miss(
      'local to each location',
      keptOpen(
        'keepalive 16 local;',
        `  location /a { proxy_ssl_trusted_certificate a.pem; proxy_pass https://app; }
  location /b { proxy_ssl_trusted_certificate b.pem; proxy_pass https://app; }
}
`,
      ),
    ),
  ],
  check: checkConnections,
};
