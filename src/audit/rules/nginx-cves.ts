// `plain-inject` and `nginx_cves`: holes of the nginx that runs a configuration, where its version is
// known and the configuration uses what has the hole.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { hasFix, isAtLeast, parseVersion } from '../version.ts';
import type { Placed } from '../tree.ts';

/** One hole. */
interface Hole {
  readonly cve: string;
  readonly what: string;
  /** The first version with it; null for "always". */
  readonly since: string | null;
  /** The first without it, of the newest branch first. */
  readonly fixes: readonly string[];
  /** What of a configuration is open to it. */
  readonly where: (subject: AuditSubject) => readonly Placed[];
}

const directives =
  (...names: readonly string[]) =>
  ({ root }: AuditSubject): readonly Placed[] =>
    names.flatMap((name) => root.find(name));

const listening =
  (parameter: string) =>
  ({ root }: AuditSubject): readonly Placed[] => [
    ...root.find('listen').filter(({ node }) => node.args.some(({ text }) => text === parameter)),
    ...root.find(parameter).filter(({ node }) => node.args[0]?.text === 'on'),
  ];

const tlsHops = ({ hops }: AuditSubject): readonly Placed[] =>
  hops.filter(({ encrypted }) => encrypted).map(({ node, level }) => ({ node, level }));

const clientCertificates = (subject: AuditSubject): readonly Placed[] =>
  directives('ssl_verify_client')(subject).filter(({ node }) => node.args[0]?.text !== 'off');

// A rewrite whose replacement uses what was caught without a name.
const capturingRewrites = (subject: AuditSubject): readonly Placed[] =>
  directives('rewrite')(subject).filter(({ node }) => /\$\d/.test(node.args[1]?.text ?? ''));

const plainInjection: Hole = {
  cve: 'CVE-2026-1642',
  what: 'an attacker in the middle can put a plain answer in front of the TLS handshake with an upstream',
  since: '1.3.0',
  fixes: ['1.29.5', '1.28.2'],
  where: tlsHops,
};

const holes: readonly Hole[] = [
  {
    cve: 'CVE-2026-42945',
    what: 'buffer overflow in rewrite with captures without names',
    since: '0.6.27',
    fixes: ['1.31.0', '1.30.1'],
    where: capturingRewrites,
  },
  {
    cve: 'CVE-2026-9256',
    what: 'buffer overflow in rewrite with captures that overlap',
    since: null,
    fixes: ['1.31.1', '1.30.2'],
    where: capturingRewrites,
  },
  {
    cve: 'CVE-2026-42926',
    what: 'requests can be injected into HTTP/2 connections to upstream servers',
    since: '1.29.4',
    fixes: ['1.31.0', '1.30.1'],
    where: (subject) =>
      directives('proxy_http_version')(subject).filter(({ node }) => node.args[0]?.text === '2'),
  },
  {
    cve: 'CVE-2026-42946',
    what: 'reading beyond a buffer in uwsgi and scgi',
    since: null,
    fixes: ['1.31.0', '1.30.1'],
    where: directives('uwsgi_pass', 'scgi_pass'),
  },
  {
    cve: 'CVE-2026-40701',
    what: 'use after free in OCSP checks of client certificates',
    since: '1.19.0',
    fixes: ['1.31.0', '1.30.1'],
    where: (subject) =>
      clientCertificates(subject).length === 0
        ? []
        : directives('ssl_ocsp')(subject).filter(({ node }) => node.args[0]?.text !== 'off'),
  },
  {
    cve: 'CVE-2025-23419',
    what: 'a resumed TLS session gets around the client certificate of another server on the same address',
    since: '1.11.4',
    fixes: ['1.27.4', '1.26.3'],
    where: clientCertificates,
  },
  {
    cve: 'CVE-2024-31079, CVE-2024-32760, CVE-2024-34161, CVE-2024-35200',
    what: 'memory faults in HTTP/3',
    since: '1.25.0',
    fixes: ['1.27.0', '1.26.1'],
    where: listening('quic'),
  },
  {
    cve: 'CVE-2021-23017',
    what: 'an answer of DNS can overwrite memory',
    since: '0.6.18',
    fixes: ['1.21.0', '1.20.1'],
    where: directives('resolver'),
  },
  {
    cve: 'CVE-2019-20372',
    what: 'request smuggling by way of error_page',
    since: null,
    fixes: ['1.17.7'],
    where: directives('error_page'),
  },
  {
    cve: 'CVE-2019-9511, CVE-2019-9513, CVE-2019-9516',
    what: 'clients of HTTP/2 can use up processor and memory',
    since: '1.9.5',
    fixes: ['1.17.3', '1.16.1'],
    where: listening('http2'),
  },
  {
    cve: 'CVE-2017-7529',
    what: 'a range of bytes can show parts of the cache that are not for the client',
    since: '0.5.6',
    fixes: ['1.13.3', '1.12.1'],
    where: directives('proxy_cache'),
  },
];

function* findingsOf(hole: Hole, subject: AuditSubject): Iterable<RawFinding> {
  const { version } = subject;
  if (version === null || hasFix(version, hole.fixes)) return;
  const since = hole.since === null ? null : parseVersion(hole.since);
  if (since !== null && !isAtLeast(version, since)) return;
  const [first] = hole.where(subject);
  if (first === undefined) return;
  yield {
    node: first.node,
    message: `nginx ${version.join('.')} has ${hole.cve}: ${hole.what}`,
    fix: `nginx ${hole.fixes.join(' or ')} or later`,
  };
}

const oneHop = 'server {\n  location / { proxy_pass https://app.internal; }\n}\n';
const marked = 'server {\n  location / { proxy_pass https://app.internal; } # here\n}\n';

export const plainInject: Rule = {
  id: 'plain-inject',
  title: 'plain answers in front of TLS',
  severity: 'high',
  what: 'TLS to upstream servers with a version of nginx before 1.29.5 or 1.28.2, where it is known.',
  why:
    'What arrives before the handshake is taken for the answer: whoever is on the way to the upstream ' +
    'can answer in its place, verified hop or not.',
  mend: 'Update nginx. The version is known from "nginx -V" or --nginx-version.',
  references: ['CVE-2026-1642', 'CWE-349'],
  cases: [
    hit('before it was mended', marked, { nginxVersion: '1.29.4' }),
    hit('in the stable branch', marked, { nginxVersion: '1.28.1' }),
    miss('mended', oneHop, { nginxVersion: '1.28.2' }),
    miss('a version that nobody knows', oneHop),
    miss('no TLS to upstreams', 'server {\n  location / { proxy_pass http://127.0.0.1; }\n}\n', {
      nginxVersion: '1.22.1',
    }),
  ],
  check: (subject) => findingsOf(plainInjection, subject),
};

export const nginxCves: Rule = {
  id: 'nginx_cves',
  title: 'version of nginx with known holes',
  severity: 'high',
  what: 'A version with a published hole in something that this configuration uses.',
  why: 'These holes are known to everybody, and so is how to use them.',
  mend: 'Update nginx. The version is known from "nginx -V" or --nginx-version.',
  references: [
    'https://nginx.org/en/security_advisories.html',
    'CWE-1395',
    'gixy nginx_cves',
    ...holes.map(({ cve }) => cve),
  ],
  cases: [
    hit(
      'client certificates and resumption, set above',
      `http {
  ssl_verify_client on; # here
  server { listen 443 ssl; server_name a.example; }
  server { listen 443 ssl; server_name b.example; }
}
`,
      { nginxVersion: '1.26.2' },
    ),
    hit(
      'a version that the text names itself',
      `# nginx version: nginx/1.20.0
server {
  resolver 127.0.0.53; # here
  location / { rewrite ^/a/(?<rest>.*)$ /b/$rest; }
}
`,
    ),
    miss('nothing of that is used', oneHop, { nginxVersion: '1.26.2' }),
    miss('mended', 'server {\n  resolver 127.0.0.53;\n  ssl_verify_client on;\n}\n', {
      nginxVersion: '1.27.4',
    }),
  ],
  *check(subject) {
    for (const hole of holes) yield* findingsOf(hole, subject);
  },
};
