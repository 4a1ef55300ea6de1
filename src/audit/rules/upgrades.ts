// `h2c-upgrade`: every Upgrade of a client goes through to the upstream.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { isAtLeast } from '../version.ts';
import { sentHeader } from './passed-headers.ts';

const fix = `map $http_upgrade $upgrade {
    default    "";
    websocket  websocket;
}
proxy_set_header Upgrade $upgrade;`;

function* check({ hops, taint, dialect, version }: AuditSubject): Iterable<RawFinding> {
  // Sallyport passes on nothing that could carry requests.
  if (dialect === 'sallyport') return;
  const current = version !== null && isAtLeast(version, [1, 29, 7]);
  for (const hop of hops) {
    const upgrade = sentHeader(hop, 'upgrade');
    const connection = sentHeader(hop, 'connection');
    if (upgrade === undefined || connection === undefined) continue;
    const spoken = hop.level.value('proxy_http_version') ?? (current ? '1.1' : '1.0');
    const [flow] = taint.flowsOf(upgrade.value, hop.level);
    if (spoken !== '1.1' || flow === undefined || /^(|close|keep-alive)$/i.test(connection.value)) {
      continue;
    }
    yield {
      node: upgrade.node,
      hop,
      severity: hop.encrypted || connection.value.includes('$') ? 'low' : 'medium',
      message: `any Upgrade that a client asks for is passed on to "${hop.to}", h2c too`,
      fix,
    };
  }
}

export const h2cUpgrade: Rule = {
  id: 'h2c-upgrade',
  title: 'any Upgrade is passed on',
  severity: 'medium',
  what: 'proxy_set_header Upgrade $http_upgrade with a Connection that lets it through, over HTTP/1.1.',
  why:
    'With "Upgrade: h2c" a client gets a tunnel to an upstream that speaks HTTP/2 in the clear, and all ' +
    'further requests in it go by the rules of no location.',
  mend: 'Pass on "websocket" only, by a map.',
  references: ['CWE-444', 'RFC 9113, section 3.1'],
  cases: [
    hit(
      'for all requests',
      `server {
  location / {
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; # here
    proxy_set_header Connection "upgrade";
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    hit(
      'with the usual map, set above',
      `http {
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade; # here
  proxy_set_header Connection $connection_upgrade;
  server { location / { proxy_pass http://127.0.0.1:3000; } }
}
`,
    ),
    miss(
      'websocket only',
      `http {
  map $http_upgrade $upgrade { default ""; websocket websocket; }
  server {
    location / {
      proxy_http_version 1.1;
      proxy_set_header Upgrade $upgrade;
      proxy_set_header Connection "upgrade";
      proxy_pass http://127.0.0.1:3000;
    }
  }
}
`,
    ),
    miss(
      'HTTP/1.0 has no Upgrade, and Connection may shut it off',
      `server {
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection upgrade;
  location / { proxy_pass http://127.0.0.1:3000; }
  location /b {
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "";
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
  ],
  check,
};
