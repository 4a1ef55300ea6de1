// `name-group` and `ca-scope`: verification that is on, and checks the wrong thing.

import { isIP } from 'node:net';
import { sslDirective } from '../hops.ts';
import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, placeOfSetting, setDirective, type AuditSubject, type Rule } from '../rule.ts';
import { isPublicBundle, isPublicName, usualBundle } from './known-trust.ts';

/** Is verification on, or reported? */
export function isVerified(hop: Hop): boolean {
  return hop.encrypted && (hop.verification === 'on' || hop.verification === 'report');
}

function* checkGroupNames({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    if (hop.group === null || !hop.encrypted) continue;
    if (!isVerified(hop) && hop.sni === null) continue;
    const used = isVerified(hop) ? hop.name : hop.sni;
    if (used?.toLowerCase() !== hop.group.toLowerCase()) continue;
    const hosts = [...new Set(hop.servers.map(({ host }) => host.toLowerCase()))];
    if (hosts.includes(used.toLowerCase())) continue;
    // A group that is called as its site is may well be what the certificate says.
    if (isPublicName(used) && hosts.every((host) => isIP(host) !== 0 || host === '')) continue;
    const [only = ''] = hosts;
    const name = hosts.length === 1 && isIP(only) === 0 && only !== '' ? only : null;
    const directive = sslDirective(hop.kind, 'name');
    if (hop.level.last(directive) !== null && hop.level.value(directive) !== '$proxy_host')
      continue;
    yield {
      node: placeOfSetting(hop, directive),
      hop,
      severity: isVerified(hop) ? 'high' : 'medium',
      message: isVerified(hop)
        ? `the certificate behind the group "${hop.group}" would have to be for that very name`
        : `the name sent to the servers of "${hop.group}" (SNI) is the name of the group`,
      fix: `${directive} ${name ?? 'name-in-the-certificate.example'};`,
      ...(name === null ? {} : { edits: [setDirective(hop.level, hop.node, directive, name)] }),
    };
  }
}

export const nameGroup: Rule = {
  id: 'name-group',
  title: 'name of a group checked as a host name',
  severity: 'high',
  what:
    'A TLS hop to a group where proxy_ssl_name is not set: nginx then checks, and sends as SNI, the ' +
    'name of the group.',
  why:
    'No certificate is for the name of a group, so every request ends in 502, and what people switch ' +
    'off to be rid of that is verification.',
  mend: 'Set proxy_ssl_name to the name that the certificates of the servers have.',
  references: ['CWE-297', 'RFC 9525'],
  cases: [
    hit(
      'verified under the name of the group',
      `upstream app { server app1.internal:443; server app2.internal:443; }
server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  location / { proxy_pass https://app; } # here
}
`,
    ),
    hit(
      'set to what it is anyway, at the level above',
      `upstream app { server app1.internal:443; }
server {
  proxy_ssl_verify on;
  proxy_ssl_name $proxy_host; # here
  proxy_ssl_trusted_certificate ca.pem;
  location / { proxy_pass https://app; }
}
`,
    ),
    miss(
      'the name is set above',
      `upstream app { server app1.internal:443; }
server {
  proxy_ssl_verify on;
  proxy_ssl_name app1.internal;
  proxy_ssl_trusted_certificate ca.pem;
  location / { proxy_pass https://app; }
}
`,
    ),
    miss(
      'the group is called as its server is',
      `upstream app.internal { server app.internal:443; }
server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  location / { proxy_pass https://app.internal; }
}
`,
    ),
    miss(
      'Sallyport checks the name of the server',
      `upstream app { server app1.internal:443; }
server {
  location / { proxy_pass https://app; }
}
`,
      { dialect: 'sallyport' },
    ),
  ],
  check: checkGroupNames,
};

function* checkTrust({ hops, dialect }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    if (!isVerified(hop) || !isPublicBundle(hop.trust) || hop.name === null) continue;
    // What is pinned is checked against the pin as well.
    if (['pin', 'san'].some((one) => hop.level.last(sslDirective(hop.kind, one)) !== null))
      continue;
    if (hop.name.includes('$') || hop.name === "each server's own" || isPublicName(hop.name)) {
      continue;
    }
    const directive = sslDirective(hop.kind, 'trusted_certificate');
    const what = isIP(hop.name) === 0 ? `the inner name "${hop.name}"` : `the address ${hop.name}`;
    yield {
      node: placeOfSetting(hop, directive),
      hop,
      severity: dialect === 'sallyport' && hop.level.value(directive) === null ? 'low' : 'medium',
      message: `all public CAs are trusted for ${what}, for which they issue no certificates`,
      fix: `${directive} /etc/nginx/ca-of-the-upstream.pem;`,
    };
  }
}

export const caScope: Rule = {
  id: 'ca-scope',
  title: 'public CAs trusted for an inner hop',
  severity: 'medium',
  what:
    'A verified hop to an address or to a name of the inside whose trusted certificates are the ' +
    'bundle of all public CAs.',
  why:
    'No public CA certifies such names: either verification fails always, or the bundle has been ' +
    'widened by hand, and then any of some hundred CAs can speak for a server of the inside.',
  mend: 'Trust the one CA that issues the certificates of these servers, or pin their keys.',
  references: ['CWE-295', 'CIS nginx 4.1.10'],
  cases: [
    hit(
      'an inner name',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${usualBundle}; # here
  location / { proxy_pass https://app.internal; }
}
`,
    ),
    hit(
      'an address, in another location than a public name',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${usualBundle}; # here
  location / { proxy_pass https://10.0.0.5; }
  location /api { proxy_pass https://api.vendor.com; }
}
`,
    ),
    miss(
      'a public name',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${usualBundle};
  location / { proxy_pass https://api.vendor.com; }
}
`,
    ),
    miss(
      'a CA of its own, below the bundle',
      `http {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${usualBundle};
  server {
    proxy_ssl_trusted_certificate /etc/nginx/inner-ca.pem;
    location / { proxy_pass https://app.internal; }
  }
}
`,
    ),
  ],
  check: checkTrust,
};
