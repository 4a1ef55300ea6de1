// `depth`: verification that is on, and breaks when a chain grows by one.

import { sslDirective } from '../hops.ts';
import type { RawFinding } from '../model.ts';
import { hit, miss, placeOfSetting, setDirective, type AuditSubject, type Rule } from '../rule.ts';
import { isPublicBundle, usualBundle } from './known-trust.ts';
import { isVerified } from './names-checked.ts';

function* checkDepth({ hops, dialect }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    if (!isVerified(hop) || !isPublicBundle(hop.trust)) continue;
    const directive = sslDirective(hop.kind, 'verify_depth');
    const written = hop.level.value(directive);
    const depth = written === null ? (dialect === 'nginx' ? 1 : 4) : Number(written);
    if (!(depth < 2)) continue;
    yield {
      node: placeOfSetting(hop, directive),
      hop,
      message: `the chain to "${hop.to}" may have ${depth} issuer only, and public chains often have two`,
      fix: `${directive} 4;`,
      edits: [setDirective(hop.level, hop.node, directive, '4')],
    };
  }
}

export const depth: Rule = {
  id: 'depth',
  title: 'depth too small for public chains',
  severity: 'medium',
  what: 'A hop verified against the public CAs with proxy_ssl_verify_depth below 2, the default of nginx.',
  why:
    'Chains of today have two intermediate certificates at times. The hop then fails with "error 20" ' +
    'or 22 from one renewal to the next, and the log does not say that depth is the cause.',
  mend: 'Set proxy_ssl_verify_depth to 4.',
  references: ['CWE-295', 'https://github.com/nginx/nginx/issues/1409'],
  cases: [
    hit(
      'the default of nginx',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${usualBundle};
  location / { proxy_pass https://api.vendor.com; } # here
}
`,
    ),
    hit(
      'written above',
      `http {
  proxy_ssl_verify_depth 1; # here
  server {
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ${usualBundle};
    location / { proxy_pass https://api.vendor.com; }
  }
}
`,
    ),
    miss(
      'deep enough',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 4;
  proxy_ssl_trusted_certificate ${usualBundle};
  location / { proxy_pass https://api.vendor.com; }
}
`,
    ),
    miss(
      'a CA of its own issues the certificates itself',
      `server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate inner-ca.pem;
  location / { proxy_pass https://app.internal; }
}
`,
    ),
  ],
  check: checkDepth,
};
