// `mtls-optional` and `mtls-ca-wide`: client certificates that are asked for and not looked at.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { httpServers, tlsOf } from '../servers.ts';
import type { Level } from '../tree.ts';
import { variablesIn } from '../variables.ts';
import { isPublicBundle, usualBundle } from './known-trust.ts';

const identity =
  /^ssl_client_(s_dn|i_dn|s_dn_legacy|i_dn_legacy|serial|fingerprint|cert|raw_cert|escaped_cert)$/;
const unseen =
  /^(access|rewrite|content|header_filter)_by_lua|^js_|^auth_request$|^perl$|^auth_jwt$/;

// The variables that count below a server, those that maps and `set` lead to as well.
function variablesUsed(subject: AuditSubject, server: Level): ReadonlySet<string> {
  const used = new Set<string>();
  const take = (text: string): void => {
    for (const variable of variablesIn(text)) {
      if (used.has(variable)) continue;
      used.add(variable);
      const map = subject.definitions.maps.get(variable);
      if (map === undefined) continue;
      take(map.source);
      for (const { value } of map.entries) take(value);
    }
  };
  for (const { node } of server.all()) {
    if (node.name !== 'access_log') for (const { text } of node.args) take(text);
  }
  for (const name of ['proxy_set_header', 'grpc_set_header', 'fastcgi_param', 'uwsgi_param']) {
    for (const node of server.effective(name)) for (const { text } of node.args) take(text);
  }
  return used;
}

function isSeen(server: Level): boolean {
  return ![...server.all()].some(({ node }) => unseen.test(node.name));
}

function* checkOptional(subject: AuditSubject): Iterable<RawFinding> {
  for (const server of httpServers(subject.root)) {
    const node = server.last('ssl_verify_client');
    const value = node?.args[0]?.text ?? 'off';
    if (node === null || !value.startsWith('optional') || tlsOf(server) === 'none') continue;
    const used = variablesUsed(subject, server);
    if (used.has('ssl_client_verify') || !isSeen(server)) continue;
    const name = [...used].find((variable) => identity.test(variable));
    const unverified = value === 'optional_no_ca';
    if (name === undefined && !unverified && server.find('proxy_pass').length === 0) continue;
    yield {
      node,
      severity: unverified ? 'high' : name === undefined ? 'low' : 'medium',
      message:
        name === undefined
          ? `"${value}" lets clients in without a certificate, and nothing looks at $ssl_client_verify`
          : `$${name} is used, and nothing looks at $ssl_client_verify ("${value}")`,
      fix: 'if ($ssl_client_verify != SUCCESS) {\n    return 403;\n}',
    };
  }
}

const mtls = (setting: string, inside: string): string => `server {
  listen 443 ssl;
  ssl_client_certificate clients.pem;
  ssl_verify_client ${setting}
${inside}}
`;

export const mtlsOptional: Rule = {
  id: 'mtls-optional',
  title: 'optional client certificates that nobody looks at',
  severity: 'medium',
  what:
    'ssl_verify_client optional or optional_no_ca without a test of $ssl_client_verify: no if, no map, ' +
    'and not handed on to the upstream.',
  why:
    'Clients without a certificate come in as all others. With optional_no_ca the certificate may be ' +
    'one that anybody made, with any name in it.',
  mend: 'Refuse what is not SUCCESS, or hand $ssl_client_verify on and let the upstream decide.',
  references: ['CWE-287', 'CWE-295'],
  cases: [
    hit(
      'the name of an unverified certificate',
      mtls(
        'optional_no_ca; # here',
        `  location / {
    proxy_set_header X-Client-DN $ssl_client_s_dn;
    proxy_pass http://127.0.0.1:3000;
  }
`,
      ),
    ),
    hit(
      'set at the level above, by way of a map',
      `http {
  ssl_verify_client optional; # here
  map $ssl_client_fingerprint $user { default ""; abc alice; }
  server {
    listen 443 ssl;
    location / { proxy_set_header X-User $user; proxy_pass http://127.0.0.1:3000; }
  }
}
`,
    ),
    miss(
      'tested',
      mtls(
        'optional;',
        `  if ($ssl_client_verify != SUCCESS) { return 403; }
  location / { proxy_set_header X-DN $ssl_client_s_dn; proxy_pass http://127.0.0.1:3000; }
`,
      ),
    ),
    miss(
      'tested by way of a map',
      `map $ssl_client_verify $reject { SUCCESS 0; default 1; }
${mtls('optional;', '  if ($reject) { return 403; }\n')}`,
    ),
    miss('required', mtls('on;', '  location / { proxy_pass http://127.0.0.1:3000; }\n')),
  ],
  check: checkOptional,
};

function* checkWide(subject: AuditSubject): Iterable<RawFinding> {
  for (const server of httpServers(subject.root)) {
    const verify = server.value('ssl_verify_client') ?? 'off';
    if (verify !== 'on' && verify !== 'optional') continue;
    const node = server.last('ssl_client_certificate') ?? server.last('ssl_trusted_certificate');
    const file = node?.args[0]?.text ?? null;
    if (node === null || tlsOf(server) === 'none' || !isPublicBundle(file)) continue;
    const used = variablesUsed(subject, server);
    if ([...used].some((variable) => identity.test(variable)) || !isSeen(server)) continue;
    yield {
      node,
      message:
        'clients get in with a certificate of any public CA, and nothing looks at whose it is',
      fix: 'ssl_client_certificate /etc/nginx/ca-of-our-clients.pem;',
    };
  }
}

export const mtlsCaWide: Rule = {
  id: 'mtls-ca-wide',
  title: 'client certificates of any public CA',
  severity: 'high',
  what:
    'ssl_client_certificate is the bundle of all public CAs, and neither the name nor the fingerprint ' +
    'of the certificate is looked at.',
  why: 'Anybody can get a certificate of a public CA: this lets the whole world in.',
  mend: 'Trust only the CA that issues to your clients.',
  references: ['CWE-295', 'CWE-287'],
  cases: [
    hit(
      'the bundle of the system',
      `server {
  listen 443 ssl;
  ssl_verify_client on;
  ssl_client_certificate ${usualBundle}; # here
}
`,
    ),
    hit(
      'set above',
      `http {
  ssl_client_certificate /etc/pki/tls/certs/ca-bundle.crt; # here
  server {
    listen 443 ssl;
    ssl_verify_client on;
  }
}
`,
    ),
    miss(
      'names are looked at',
      `map $ssl_client_s_dn $known { default 0; "CN=alice" 1; }
server {
  listen 443 ssl;
  ssl_verify_client on;
  ssl_client_certificate ${usualBundle};
  if ($known = 0) { return 403; }
}
`,
    ),
    miss(
      'a CA of its own below the bundle',
      `http {
  ssl_client_certificate ${usualBundle};
  ssl_verify_client on;
  server { listen 443 ssl; ssl_client_certificate clients.pem; }
}
`,
    ),
  ],
  check: checkWide,
};
