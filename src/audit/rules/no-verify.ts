// `no-verify`: TLS to a server that nobody checks.

import type { Hop, RawFinding } from '../model.ts';
import { sslDirective } from '../hops.ts';
import { placeOfSetting, type AuditSubject, type Rule } from '../rule.ts';

function* check({ hops, dialect, root }: AuditSubject): Iterable<RawFinding> {
  const resolves = [...root.all()].some(({ node }) => node.name === 'resolver');
  for (const hop of hops) {
    if (!hop.encrypted || hop.verification !== 'off') continue;
    const verify = sslDirective(hop.kind, 'verify');
    const written = hop.level.last(verify) !== null;
    const how = written ? `"${verify} off"` : `no "${verify}", which is off in ${dialect}`;
    yield {
      node: written ? placeOfSetting(hop, verify) : hop.node,
      hop,
      severity: hop.place === 'loopback' ? 'medium' : resolves ? 'critical' : 'high',
      message: `the hop to "${hop.to}" is encrypted and not verified (${how})`,
      fix: fixOf(hop),
    };
  }
}

/** The lines that make a hop verify. */
export function fixOf(hop: Hop): string {
  const name = nameToCheck(hop);
  const family = (rest: string): string => sslDirective(hop.kind, rest);
  const lines = [
    `${family('verify')} on;`,
    `${family('trusted_certificate')} /etc/ssl/certs/ca-certificates.crt;`,
    `${family('verify_depth')} 4;`,
    `${family('server_name')} on;`,
  ];
  if (name !== null) lines.push(`${family('name')} ${name};`);
  return lines.join('\n');
}

function nameToCheck(hop: Hop): string | null {
  if (hop.group === null) return null;
  const names = new Set(hop.servers.map((server) => server.sslName ?? server.host));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : 'name-in-the-certificate.example';
}

export const noVerify: Rule = {
  id: 'no-verify',
  title: 'TLS hop that is not verified',
  severity: 'high',
  what: 'An https hop whose certificate nobody checks: proxy_ssl_verify is off there, or never said.',
  why:
    'Encryption without verification protects from nobody who is on the way: whoever answers at the ' +
    'address, by DNS, ARP, routing or a mistake, gets the requests with their cookies and passwords, ' +
    'and writes the answers.',
  mend:
    'Switch proxy_ssl_verify on, with the CA of the upstream in proxy_ssl_trusted_certificate, a depth ' +
    'that fits, proxy_ssl_server_name on, and proxy_ssl_name where the URL names a group.',
  references: ['CWE-295', 'CIS nginx 4.1.10', 'RFC 9525'],
  cases: [
    {
      title: 'nginx does not verify unless told to',
      configuration: 'server {\n  location / {\n    proxy_pass https://app.internal;\n  }\n}\n',
      lines: [3],
    },
    {
      title: 'switched off above, in effect below',
      configuration:
        'http {\n  proxy_ssl_verify off;\n  server {\n    location / { proxy_pass https://a.internal; }\n  }\n}\n',
      lines: [2],
    },
    {
      title: 'verified at a level above',
      configuration:
        'http {\n  proxy_ssl_verify on;\n  proxy_ssl_trusted_certificate ca.pem;\n  server {\n    location / { proxy_pass https://a.internal; }\n  }\n}\n',
      lines: [],
    },
    {
      title: 'Sallyport verifies by default',
      configuration: 'server {\n  location / { proxy_pass https://app.internal; }\n}\n',
      lines: [],
      dialect: 'sallyport',
    },
    {
      title: 'no TLS is another matter',
      configuration: 'server {\n  location / { proxy_pass http://127.0.0.1:3000; }\n}\n',
      lines: [],
    },
  ],
  check,
};
