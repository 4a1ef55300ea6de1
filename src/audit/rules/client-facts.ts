// `xff` and `identity-hdr`: what upstream servers are told about the client.

import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import type { Definitions } from '../variables.ts';
import { variablesIn } from '../variables.ts';
import { isLocalServer } from '../servers.ts';
import { headerDirective, sentHeader, sentHeaders } from './passed-headers.ts';

const aboutClient =
  /^(x-forwarded-(for|proto|host|port)|x-real-ip|x-client-ip|true-client-ip|forwarded)$/;

function* checkForwarded({ root, hops }: AuditSubject): Iterable<RawFinding> {
  for (const { node } of root.find('set_real_ip_from')) {
    if (!/^(0\.0\.0\.0|::)\/0$/.test(node.args[0]?.text ?? '')) continue;
    const message = 'every client is believed when it says which address it has';
    yield { node, severity: 'high', message, fix: 'set_real_ip_from 10.0.0.0/8;' };
  }
  for (const hop of hops) {
    const server = hop.level.around('server');
    const trusted = hop.level.effective('set_real_ip_from').length > 0;
    if (trusted || isLocalServer(server)) continue;
    for (const { name, value, node } of sentHeaders(hop)) {
      if (!aboutClient.test(name)) continue;
      const fields = variablesIn(value).filter((one) => /^http_(x_|true_|forwarded|cf_)/.test(one));
      if (value.includes('$proxy_add_x_forwarded_for')) {
        const message =
          'what the client sent stands first in X-Forwarded-For: its left-most address is made up at will';
        yield { node, hop, message, fix: `${node.name} X-Forwarded-For $remote_addr;` };
      } else if (fields.length > 0) {
        const severity = /for|ip/.test(name) ? 'medium' : 'low';
        const message = `${node.args[0]?.text ?? ''} is what the client sent in $${fields[0] ?? ''}`;
        yield {
          node,
          hop,
          severity,
          message,
          fix: `${node.name} ${node.args[0]?.text ?? ''} ${own(name)};`,
        };
      }
    }
  }
}

function own(name: string): string {
  if (name.endsWith('proto')) return '$scheme';
  if (name.endsWith('host')) return '$host';
  return name.endsWith('port') ? '$server_port' : '$remote_addr';
}

export const xff: Rule = {
  id: 'xff',
  title: 'address of the client made up',
  severity: 'low',
  what:
    'X-Forwarded-For by $proxy_add_x_forwarded_for, or client fields handed on, where no trusted proxy ' +
    'in front is named (set_real_ip_from); and set_real_ip_from for the whole world.',
  why:
    'An upstream that takes the first address for the client believes whatever anybody writes: limits, ' +
    'allow lists and logs then go by it.',
  mend:
    'At the edge set X-Forwarded-For to $remote_addr. Behind another proxy, name its addresses in ' +
    'set_real_ip_from and take $remote_addr all the same.',
  references: ['CWE-348', 'CWE-290', 'RFC 7239, section 8.1'],
  cases: [
    hit(
      'appended at the edge, set above',
      `http {
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; # here
  server {
    listen 443 ssl;
    location / { proxy_pass http://127.0.0.1:3000; }
  }
}
`,
    ),
    hit(
      'everybody is trusted; a field is handed on',
      `http {
  server { set_real_ip_from 0.0.0.0/0; } # here
  server {
    location / {
      proxy_set_header X-Real-IP $http_x_real_ip; # here
      proxy_pass http://127.0.0.1:3000;
    }
  }
}
`,
    ),
    miss(
      'written by the proxy itself',
      `server {
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'behind a proxy that is named',
      `http {
  set_real_ip_from 10.0.0.0/8;
  server {
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location / { proxy_pass http://127.0.0.1:3000; }
  }
}
`,
    ),
  ],
  check: checkForwarded,
};

const identity =
  /^(ssl_client_(s_dn|i_dn|verify|serial|fingerprint|cert|raw_cert|escaped_cert).*|remote_user|jwt_\w+|auth_user)$/;

// Does a value tell who the client is, as the proxy found out?
function tellsIdentity(value: string, definitions: Definitions): boolean {
  return variablesIn(value).some((one) => {
    if (identity.test(one) || definitions.opaque.has(one)) return true;
    const map = definitions.maps.get(one);
    return map !== undefined && variablesIn(map.source).some((source) => identity.test(source));
  });
}

function targetOf(hop: Hop): string {
  const first = hop.servers[0];
  return hop.group ?? `${first?.host ?? ''}:${first?.port ?? 0} ${first?.address ?? ''}`;
}

function* checkIdentity({ hops, definitions }: AuditSubject): Iterable<RawFinding> {
  const byTarget = new Map<string, Map<string, Hop>>();
  for (const hop of hops) {
    for (const { name, value } of sentHeaders(hop)) {
      if (name === 'authorization' || !tellsIdentity(value, definitions)) continue;
      const names = byTarget.get(targetOf(hop)) ?? new Map<string, Hop>();
      byTarget.set(targetOf(hop), names.set(name, names.get(name) ?? hop));
    }
  }
  for (const hop of hops) {
    const directive = headerDirective(hop);
    if (directive === null || hop.level.value('proxy_pass_request_headers') === 'off') continue;
    for (const [name, source] of byTarget.get(targetOf(hop)) ?? []) {
      if (sentHeader(hop, name) !== undefined) continue;
      const written = sentHeader(source, name)?.node.args[0]?.text ?? name;
      yield {
        node: hop.node,
        hop,
        message: `"${written}" goes through as the client wrote it; line ${source.node.at.line} sets it for the same upstream`,
        fix: `${directive} ${written} "";`,
      };
    }
  }
}

export const identityHdr: Rule = {
  id: 'identity-hdr',
  title: 'identity header as the client wrote it',
  severity: 'high',
  what:
    'A header that tells the upstream who the client is (from its certificate, its login or a ' +
    'subrequest) is set in one location and not in another that leads to the same upstream.',
  why: 'In that other location any client can write it, and be whoever it likes.',
  mend: 'Set it to "" wherever it is not set to the truth.',
  references: ['CWE-290', 'CWE-807'],
  cases: [
    hit(
      'set in one location only',
      `upstream app { server 127.0.0.1:3000; }
server {
  location / {
    proxy_set_header X-Client-DN $ssl_client_s_dn;
    proxy_pass http://app;
  }
  location /public {
    proxy_pass http://app; # here
  }
}
`,
    ),
    hit(
      'another server, whose headers hide what was inherited',
      `http {
  proxy_set_header X-Remote-User $remote_user;
  server { location / { proxy_pass http://10.0.0.1:3000; } }
  server {
    proxy_set_header Host $host;
    location / { proxy_pass http://10.0.0.1:3000; } # here
  }
}
`,
    ),
    miss(
      'cleared in the other',
      `server {
  location / {
    proxy_set_header X-Client-DN $ssl_client_s_dn;
    proxy_pass http://127.0.0.1:3000;
  }
  location /public {
    proxy_set_header X-Client-DN "";
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    miss(
      'inherited by both, and another upstream',
      `server {
  proxy_set_header X-Client-DN $ssl_client_s_dn;
  location / { proxy_pass http://127.0.0.1:3000; }
  location /a { proxy_pass http://127.0.0.1:3000; }
  location /b { proxy_set_header Host $host; proxy_pass http://127.0.0.1:4000; }
}
`,
    ),
  ],
  check: checkIdentity,
};
