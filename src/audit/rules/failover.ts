// `next-upstream` and `error-page`: where a request goes when the first try fails.

import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import { findLocation } from '../locations.ts';

function* checkNext({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const node = hop.level.last(`${hop.kind}_next_upstream`);
    const words = node?.args.map(({ text }) => text) ?? [];
    if (node === null || !words.includes('non_idempotent') || hop.servers.length < 2) continue;
    const rest = words.filter((word) => word !== 'non_idempotent');
    const line = renderDirective(node.name, rest.length === 0 ? ['error', 'timeout'] : rest);
    yield {
      node,
      hop,
      message: 'a POST that failed half-way is sent again to another server',
      fix: line,
      edits: [{ kind: 'replace', node, line }],
    };
  }
}

export const nextUpstream: Rule = {
  id: 'next-upstream',
  title: 'POST sent twice',
  severity: 'medium',
  what: 'proxy_next_upstream with non_idempotent on a hop to several servers.',
  why:
    'The first server may have done the work before it failed: orders and payments are made twice. And ' +
    'the body of the request is shown to one more server.',
  mend: 'Leave non_idempotent out, or use it only where requests carry a key that makes them safe.',
  references: ['RFC 9110, section 9.2.2', 'CWE-841'],
  cases: [
    hit(
      'set above',
      `upstream app { server 10.0.0.1; server 10.0.0.2; }
server {
  proxy_next_upstream error timeout non_idempotent; # here
  location / { proxy_pass http://app; }
}
`,
    ),
    hit(
      'for gRPC',
      `upstream app { server 10.0.0.1; server 10.0.0.2; }
server {
  location / {
    grpc_next_upstream error non_idempotent; # here
    grpc_pass grpc://app;
  }
}
`,
    ),
    miss(
      'without that word',
      `upstream app { server 10.0.0.1; server 10.0.0.2; }
server {
  proxy_next_upstream error timeout http_502;
  location / { proxy_pass http://app; }
}
`,
    ),
    miss(
      'one server has no next',
      `server {
  proxy_next_upstream error non_idempotent;
  location / { proxy_pass http://10.0.0.1; }
}
`,
    ),
  ],
  check: checkNext,
};

// How well a hop is protected. Loopback needs no more.
function strength(hop: Hop): number {
  if (hop.verdict === 'verified' || hop.verdict === 'local') return 3;
  if (hop.verdict === 'weak') return 2;
  return hop.verdict === 'unverified' ? 1 : 0;
}

const words = ['plain HTTP', 'TLS that nobody verifies', 'weakly verified TLS'];

function* checkPages({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const server = hop.level.around('server');
    if (server === null || hop.verdict === 'local' || hop.kind === 'stream') continue;
    for (const node of hop.level.effective('error_page')) {
      const args = node.args.map(({ text }) => text);
      const target = args.at(-1) ?? '';
      if (!args.some((text) => /^50[0234]$/.test(text)) || /^(https?:|=)/.test(target)) continue;
      const location = findLocation(server, target);
      const other = hops.find((one) => one.level === location);
      if (other === undefined || other === hop || strength(other) >= strength(hop)) continue;
      yield {
        node,
        hop,
        message: `when "${hop.to}" fails, requests go on to "${other.to}" over ${words[strength(other)] ?? ''}`,
      };
    }
  }
}

export const errorPage: Rule = {
  id: 'error-page',
  title: 'fallback to a weaker hop',
  severity: 'high',
  what: 'error_page for 502, 503 or 504 that leads to a location whose hop is less protected than the first.',
  why:
    'Whoever can make the first hop fail, be it by resetting its connections, has the requests sent the ' +
    'weaker way.',
  mend: 'Give the fallback the same verification, or answer with a page of your own.',
  references: ['CWE-636', 'CWE-757'],
  cases: [
    hit(
      'from verified to plain',
      `server {
  proxy_ssl_trusted_certificate ca.pem;
  location / {
    proxy_ssl_verify on;
    proxy_pass https://app.internal;
    error_page 502 504 = @old; # here
  }
  location @old { proxy_pass http://10.0.0.9; }
}
`,
    ),
    hit(
      'set above, to a path',
      `server {
  error_page 502 /fallback; # here
  location / { proxy_pass https://app.internal; }
  location /fallback { proxy_pass http://10.0.0.9; }
}
`,
    ),
    miss(
      'as well protected',
      `server {
  error_page 502 = @other;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  location / { proxy_pass https://app.internal; }
  location @other { proxy_pass https://other.internal; }
}
`,
    ),
    miss(
      'a page, and this machine',
      `server {
  error_page 502 /50x.html;
  location / { proxy_pass https://app.internal; error_page 503 @local; }
  location @local { proxy_pass http://127.0.0.1:3000; }
  location = /50x.html { root /srv; }
}
`,
    ),
  ],
  check: checkPages,
};
