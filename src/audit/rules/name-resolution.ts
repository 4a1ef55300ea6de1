// `dns-once` and `resolver-plain`: how the addresses of upstream servers are found.

import { isIP } from 'node:net';
import type { DirectiveNode } from '../../config/node.ts';
import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { placeOf } from '../targets.ts';

function* checkOnce({ hops, groups, dialect }: AuditSubject): Iterable<RawFinding> {
  // Sallyport asks again when the answer of DNS has run out.
  if (dialect === 'sallyport') return;
  for (const hop of hops) {
    if (hop.variable) continue;
    const group = hop.group === null ? undefined : groups.get(hop.group.toLowerCase());
    for (const { node, host, place } of hop.servers) {
      if (place !== 'name' || host === '' || isIP(host) !== 0) continue;
      if (node?.args.some(({ text }) => text === 'resolve' || text.startsWith('service=')))
        continue;
      const message = `"${host}" is resolved once, when nginx starts`;
      if (node === null) {
        yield {
          node: hop.node,
          message,
          fix: `upstream app {\n    zone app 64k;\n    server ${host} resolve;\n}`,
        };
      } else if (group !== undefined) {
        yield {
          node,
          message,
          fix: `server ${node.args.map(({ text }) => text).join(' ')} resolve;`,
        };
      }
    }
  }
}

export const dnsOnce: Rule = {
  id: 'dns-once',
  title: 'name resolved once',
  severity: 'low',
  what: 'A host name in proxy_pass or in a server of a group, without resolve.',
  why:
    'nginx looks it up at its start only. When the address changes it goes on sending requests to the ' +
    'old one, which may belong to somebody else by then; and it does not start while one is not found.',
  mend:
    'Since nginx 1.27.3: server … resolve in a group with a zone, and a resolver. Verification (proxy_ssl_verify) ' +
    'is what protects where an address has changed hands.',
  references: ['CWE-350', 'gixy stale_dns_cache'],
  cases: [
    hit(
      'in proxy_pass',
      'server {\n  location / { proxy_pass http://app.internal:3000; } # here\n}\n',
    ),
    hit(
      'in a group that two locations use',
      `upstream app {
  server app1.internal; # here
  server 10.0.0.2;
}
server {
  location / { proxy_pass http://app; }
  location /api { proxy_pass http://app; }
}
`,
    ),
    miss(
      'resolved again and again',
      `upstream app {
  zone app 64k;
  resolver 127.0.0.53;
  server app1.internal resolve;
}
server {
  location / { proxy_pass http://app; }
}
`,
    ),
    miss(
      'with a variable, an address, this machine',
      `server {
  resolver 127.0.0.53;
  set $app app.internal;
  location / { proxy_pass http://$app; }
  location /a { proxy_pass http://10.0.0.1; }
  location /b { proxy_pass http://localhost:3000; }
}
`,
    ),
  ],
  check: checkOnce,
};

function resolvesWhileRunning({ variable, servers }: Hop): boolean {
  return variable || servers.some(({ node }) => node?.args.some(({ text }) => text === 'resolve'));
}

function* checkPublic({ root, hops }: AuditSubject): Iterable<RawFinding> {
  for (const { node, level } of root.find('resolver')) {
    const far = addresses(node).filter((one) => placeOf(one) === 'public');
    const [first] = far;
    if (first === undefined) continue;
    const open = hops.some(
      (hop) =>
        resolvesWhileRunning(hop) &&
        hop.verdict !== 'verified' &&
        (level.kind === 'upstream' || hop.level.last('resolver') === node),
    );
    yield {
      node,
      severity: open ? 'medium' : 'low',
      message: open
        ? `"${first}" on the public network decides where hops that nobody verifies lead`
        : `names are resolved by "${first}" on the public network`,
      fix: 'resolver 127.0.0.53;',
    };
  }
}

function addresses({ args }: DirectiveNode): readonly string[] {
  return args
    .map(({ text }) => text)
    .filter((text) => !/^(valid|ipv[46]|status_zone|local)=/.test(text))
    .map((text) => text.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1'));
}

export const resolverPlain: Rule = {
  id: 'resolver-plain',
  title: 'resolver on the public network',
  severity: 'medium',
  what: 'A resolver with a public address. Lesser where all hops that it serves are verified.',
  why:
    'DNS is neither encrypted nor signed on that way: whoever can put in an answer decides where ' +
    'requests go. Names of the inside are told to strangers as well.',
  mend: 'Use a resolver on the machine or in the own network, and verify the hops.',
  references: ['CWE-350', 'gixy resolver_external'],
  cases: [
    hit(
      'for a hop that nobody verifies',
      `server {
  resolver 8.8.8.8 valid=10s; # here
  set $app app.internal;
  location / { proxy_pass http://$app; }
}
`,
    ),
    hit(
      'one of several, at the level above',
      `http {
  resolver 127.0.0.53 [2001:4860:4860::8888]:53; # here
  server {
    set $app app.internal;
    location / { proxy_pass https://$app; }
  }
}
`,
    ),
    miss(
      'on the machine, in the own network',
      `http {
  resolver 127.0.0.11;
  server { resolver 10.0.0.2:53 valid=5s ipv6=off; }
}
`,
    ),
    miss(
      'by name, in a cluster',
      'http {\n  resolver kube-dns.kube-system.svc.cluster.local;\n}\n',
    ),
  ],
  check: checkPublic,
};
