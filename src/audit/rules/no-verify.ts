// `no-verify`: TLS to a server that nobody checks.

import { sslDirective } from '../hops.ts';
import type { Edit, Hop, RawFinding } from '../model.ts';
import {
  hit,
  miss,
  placeOfSetting,
  setDirective,
  settingLevel,
  type AuditSubject,
  type Rule,
} from '../rule.ts';
import { isPublicName, usualBundle } from './known-trust.ts';

function* check({ hops, dialect, root }: AuditSubject): Iterable<RawFinding> {
  const resolves =
    root.find('resolver').length > 0 ||
    root.find('server').some(({ node }) => node.args.some(({ text }) => text === 'resolve'));
  for (const hop of hops) {
    if (!hop.encrypted) continue;
    const verify = sslDirective(hop.kind, 'verify');
    const written = hop.level.last(verify) !== null;
    const node = written ? placeOfSetting(hop, verify) : hop.node;
    if (hop.verification === 'off') {
      const how = written ? `"${verify} off"` : `no "${verify}", which is off in ${dialect}`;
      const message = `the hop to "${hop.to}" is encrypted and not verified (${how})`;
      const severity = hop.place === 'loopback' ? 'medium' : resolves ? 'critical' : 'high';
      yield { node, hop, severity, message, fix: fixOf(hop), ...editsOf(hop) };
    } else if (hop.verification === 'report') {
      const message = `the hop to "${hop.to}" is verified, but let through all the same ("report")`;
      yield { node, hop, severity: 'low', message, fix: `${verify} on;` };
    } else if (hop.trust === null) {
      const message = `the hop to "${hop.to}" is to be verified, but no CA is set: nginx does not start`;
      const fix = `${sslDirective(hop.kind, 'trusted_certificate')} ${usualBundle};`;
      yield { node, hop, severity: 'medium', message, fix };
    }
  }
}

/** The lines that make a hop verify. */
export function fixOf(hop: Hop): string {
  return linesOf(hop)
    .map(([name, value]) => `${name} ${value};`)
    .join('\n');
}

function linesOf(hop: Hop): readonly (readonly [string, string])[] {
  const name = nameToCheck(hop);
  const family = (rest: string): string => sslDirective(hop.kind, rest);
  const trusted = hop.level.value(family('trusted_certificate'));
  return [
    [family('verify'), 'on'],
    [family('trusted_certificate'), trusted ?? usualBundle],
    [family('verify_depth'), hop.level.value(family('verify_depth')) ?? '4'],
    [family('server_name'), 'on'],
    ...(name === null ? [] : [[family('name'), name] as const]),
  ];
}

/** The name to write into `proxy_ssl_name`; null where the one that holds already is right. */
function nameToCheck(hop: Hop): string | null {
  const written = hop.level.value(sslDirective(hop.kind, 'name'));
  if (hop.group === null || (written !== null && written !== '$proxy_host')) return null;
  const names = new Set(hop.servers.map((server) => server.sslName ?? server.host));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : 'name-in-the-certificate.example';
}

// Only where the certificate is sure to be one of a public CA, or the CA is set already: anything else
// is for a human to find out.
function editsOf(hop: Hop): { edits?: readonly Edit[] } {
  const names = hop.servers.map(({ host }) => host);
  const trusted = hop.level.value(sslDirective(hop.kind, 'trusted_certificate'));
  const own = hop.level.value(sslDirective(hop.kind, 'name')) ?? nameToCheck(hop);
  const isKnown = trusted !== null || names.every(isPublicName);
  if (!isKnown || hop.variable || (own !== null && !isPublicName(own))) return {};
  const level = settingLevel(hop.level);
  const missing = linesOf(hop).filter(([name, value]) => hop.level.value(name) !== value);
  return { edits: missing.map(([name, value]) => setDirective(level, hop.node, name, value)) };
}

export const noVerify: Rule = {
  id: 'no-verify',
  title: 'TLS hop that is not verified',
  severity: 'high',
  what:
    'An https hop whose certificate nobody checks: proxy_ssl_verify is off there, or never said. The ' +
    'same for gRPC, uwsgi and stream. Lesser: verification that only reports, or that has no CA.',
  why:
    'Encryption without verification protects from nobody who is on the way: whoever answers at the ' +
    'address, by DNS, ARP, routing or a mistake, gets the requests with their cookies and passwords, ' +
    'and writes the answers. Where names are resolved while running, DNS alone decides who that is.',
  mend:
    'Switch proxy_ssl_verify on, with the CA of the upstream in proxy_ssl_trusted_certificate, a depth ' +
    'that fits, proxy_ssl_server_name on, and proxy_ssl_name where the URL names a group.',
  references: ['CWE-295', 'CIS nginx 4.1.10', 'RFC 9525'],
  cases: [
    hit(
      'nginx does not verify unless told to',
      `server {
  location / {
    proxy_pass https://app.internal; # here
  }
}
`,
    ),
    hit(
      'switched off above, in effect below',
      `http {
  proxy_ssl_verify off; # here
  server {
    location / { proxy_pass https://a.internal; }
  }
}
`,
    ),
    hit(
      'in an "if", in "limit_except", in a named location and through a variable',
      `server {
  set $backend https://app.internal;
  location / {
    if ($request_method = POST) {
      proxy_pass https://write.internal; # here
    }
    limit_except GET {
      proxy_pass https://write.internal; # here
    }
    proxy_pass http://127.0.0.1:3000;
    error_page 502 = @other;
  }
  location @other {
    proxy_pass $backend; # here
  }
}
`,
    ),
    hit(
      'gRPC, uwsgi and stream have directives of their own',
      `http {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  server {
    location /grpc { grpc_pass grpcs://app.internal; } # here
    location /uwsgi { uwsgi_pass suwsgi://app.internal; } # here
    location / { proxy_pass https://app.internal; }
  }
}
stream {
  server {
    listen 5432;
    proxy_ssl on;
    proxy_pass db.internal:5432; # here
  }
}
`,
    ),
    hit(
      'reported and let through',
      `server {
  proxy_ssl_verify report; # here
  location / { proxy_pass https://app.internal; }
}
`,
      { dialect: 'sallyport' },
    ),
    miss(
      'verified at a level above',
      `http {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  server {
    location / { proxy_pass https://a.internal; }
  }
}
`,
    ),
    miss(
      'Sallyport verifies by default',
      'server {\n  location / { proxy_pass https://a.internal; }\n}\n',
      {
        dialect: 'sallyport',
      },
    ),
    miss(
      'no TLS is another matter',
      'server {\n  location / { proxy_pass http://127.0.0.1:3000; }\n}\n',
    ),
  ],
  check,
};
