// `var-scheme` and `missing_resolver`: what variables in the target of a hop need.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { tlsOf } from '../servers.ts';
import { readTarget } from '../targets.ts';
import type { Level } from '../tree.ts';
import { expansions, variablesIn } from '../variables.ts';

const clientSchemes = /^\$\{?(scheme|http_x_forwarded_proto|http_x_forwarded_scheme)\b/i;

function* checkSchemes({ hops, definitions }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const text = hop.node.args[0]?.text ?? '';
    const scheme = /^(\$\{?\w+\}?):\/\//.exec(text)?.[1];
    if (scheme === undefined) continue;
    const become = expansions(definitions, hop.level, scheme).filter((one) =>
      clientSchemes.test(one),
    );
    const server = hop.level.around('server');
    const fromField = become.some((one) => one.includes('http_'));
    if (become.length === 0) continue;
    // Where all clients come over TLS the hop always has it.
    if (!fromField && server !== null && tlsOf(server) === 'all') continue;
    yield {
      node: hop.node,
      hop,
      message: `the hop to "${hop.to}" has TLS only where the client came with it`,
      fix: `${hop.node.name} ${text.replace(scheme, 'https')};`,
    };
  }
}

export const varScheme: Rule = {
  id: 'var-scheme',
  title: 'the client decides whether a hop has TLS',
  severity: 'high',
  what: 'proxy_pass $scheme://…, or a scheme out of a field of the request.',
  why:
    'A client that comes over plain HTTP has its request sent on in the clear. Over http nothing is ' +
    'verified either, whatever proxy_ssl_verify says.',
  mend: 'Write https:// where the upstream speaks TLS, http:// where it does not.',
  references: ['CWE-319', 'CWE-757'],
  cases: [
    hit(
      'the scheme of the client',
      'server {\n  listen 80;\n  location / { proxy_pass $scheme://app.internal; } # here\n}\n',
    ),
    hit(
      'what a field says, by way of a variable at the level above',
      `server {
  listen 443 ssl;
  set $proto $http_x_forwarded_proto;
  location / { proxy_pass $proto://app.internal; } # here
}
`,
    ),
    miss(
      'a scheme of its own',
      `server {
  set $proto https;
  location / { proxy_pass $proto://app.internal; }
}
`,
    ),
    miss(
      'where every client comes over TLS',
      'server {\n  listen 443 ssl;\n  location / { proxy_pass $scheme://app.internal; }\n}\n',
    ),
  ],
  check: checkSchemes,
};

const addressVariables =
  /^(server_addr|remote_addr|realip_remote_addr|proxy_protocol_addr|proxy_protocol_server_addr)$/;

function* checkResolvers({
  hops,
  groups,
  definitions,
  dialect,
}: AuditSubject): Iterable<RawFinding> {
  // Sallyport resolves with the system's resolver where none is set.
  if (dialect === 'sallyport') return;
  for (const hop of hops) {
    const text = hop.node.args[0]?.text ?? '';
    if (!hop.variable || (hop.level.last('resolver')?.args.length ?? 0) > 0) continue;
    const texts = expansions(definitions, hop.level, text);
    const needy = texts.find((one) => needsResolver(one, groups));
    if (needy === undefined) continue;
    yield {
      node: hop.node,
      hop,
      message: `"${hop.to}" is resolved while running, and no resolver is set: every such request fails with 502`,
      fix: 'resolver 127.0.0.53 valid=30s;',
    };
  }
}

function needsResolver(text: string, groups: ReadonlyMap<string, Level>): boolean {
  const { authority } = readTarget(text);
  if (authority === '' || authority.startsWith('unix:')) return false;
  const host = authority.replace(/:(\d+|\$\{?\w+\}?)$/, '').toLowerCase();
  if (host.includes('$')) {
    // A name that is not known here may be that of a group.
    const known = variablesIn(host).every((one) => addressVariables.test(one));
    return !known && groups.size === 0 && text.includes('://') && !host.startsWith('$');
  }
  if (/^[\d.]+$|^\[/.test(host)) return false;
  return !groups.has(authority.toLowerCase()) && !groups.has(host);
}

export const missingResolver: Rule = {
  id: 'missing_resolver',
  title: 'a variable target without a resolver',
  severity: 'medium',
  what: 'A host name in a proxy_pass with variables, with no resolver at any level.',
  why:
    'nginx resolves such names for each request, and only by a resolver of its own: without one each ' +
    'of them ends in 502 ("no resolver defined").',
  mend: 'Set a resolver that can be trusted, best on the machine itself.',
  references: ['CWE-665', 'gixy missing_resolver'],
  cases: [
    hit(
      'a name in a variable',
      `server {
  set $app app.internal;
  location / { proxy_pass http://$app:3000; } # here
}
`,
    ),
    hit(
      'one of several in a map',
      `map $host $to { a.example 10.0.0.1; default app.internal; }
server {
  location / { proxy_pass http://$to; } # here
}
`,
    ),
    miss(
      'a resolver at the level above',
      `http {
  resolver 127.0.0.53;
  server {
    set $app app.internal;
    location / { proxy_pass http://$app:3000; }
  }
}
`,
    ),
    miss(
      'groups and addresses need none',
      `upstream one { server 10.0.0.1; }
server {
  set $group one;
  location / { proxy_pass http://$group; }
  location /self { proxy_pass http://$server_addr:8080; }
  location /path { proxy_pass http://app.internal:3000; }
}
`,
    ),
  ],
  check: checkResolvers,
};
