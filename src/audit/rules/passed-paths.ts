// `slash` and `proxy_pass_normalized`: what becomes of the path on its way to the upstream.

import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import { locationOf } from '../locations.ts';
import { readTarget } from '../targets.ts';

function uriOf(hop: Hop): string {
  if (hop.kind !== 'proxy') return '';
  const text = hop.node.args[0]?.text ?? '';
  // With a variable the URI is used as it is.
  return text.includes('$') ? '' : readTarget(text).uri;
}

function* checkSlashes({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const uri = uriOf(hop);
    const location = locationOf(hop.level);
    if (uri === '' || location === null) continue;
    const { kind, text: prefix } = location.match;
    const inside = hop.level.kind === 'if' || hop.level.kind === 'limit_except';
    if (kind === 'regex' || kind === 'named' || inside) {
      const where = inside
        ? `"${hop.level.kind}"`
        : kind === 'regex'
          ? 'a location by expression'
          : 'a named location';
      const message = `a URI in proxy_pass is not allowed in ${where}: nginx does not start`;
      yield { node: hop.node, hop, message, fix: `proxy_pass ${bare(hop)};` };
    } else if (kind === 'prefix' && !uri.includes('?')) {
      const found = mismatch(prefix, uri);
      if (found === null) continue;
      const { example, becomes, url } = found;
      const fix = url === null ? `location ${prefix}/ {` : `proxy_pass ${bare(hop)}${url};`;
      const message = `"${example}" is asked for as "${becomes}"`;
      yield { node: hop.node, hop, message, fix, severity: url === null ? 'low' : 'medium' };
    }
  }
}

function bare(hop: Hop): string {
  const text = hop.node.args[0]?.text ?? '';
  return text.slice(0, text.length - uriOf(hop).length);
}

interface Mismatch {
  readonly example: string;
  readonly becomes: string;
  /** The URI to write; null where it is the location that has to change. */
  readonly url: string | null;
}

function mismatch(prefix: string, uri: string): Mismatch | null {
  if (prefix.endsWith('/') && !uri.endsWith('/')) {
    return { example: `${prefix}users`, becomes: `${uri}users`, url: `${uri}/` };
  }
  // Something like a file matches alone, most likely.
  if (!prefix.endsWith('/') && uri.endsWith('/') && !/\.\w+$/.test(prefix)) {
    return { example: `${prefix}/users`, becomes: `${uri}/users`, url: null };
  }
  return null;
}

export const slash: Rule = {
  id: 'slash',
  title: 'slashes of location and URL do not fit',
  severity: 'medium',
  what:
    'A location that ends with a slash and a proxy_pass whose URI does not, or the other way round; and ' +
    'a URI in proxy_pass where nginx allows none.',
  why:
    'nginx puts the URI in the place of the prefix, letter by letter: "/api/users" becomes "/v1users" ' +
    'or "//users". Paths then reach parts of the upstream that nobody meant, past its own rules.',
  mend: 'Both with a slash at the end, or both without.',
  references: ['CWE-22', 'CWE-436'],
  cases: [
    hit(
      'a slash too few and a slash too many',
      `server {
  location /api/ { proxy_pass http://127.0.0.1:3000/v1; } # here
  location /app { proxy_pass http://127.0.0.1:3000/; } # here
}
`,
    ),
    hit(
      'in a location by expression, and in an "if"',
      `server {
  location ~ ^/a { proxy_pass http://127.0.0.1:3000/b; } # here
  location /c {
    if ($arg_x) { proxy_pass http://127.0.0.1:3000/d; } # here
  }
}
`,
    ),
    miss(
      'both with, both without, and no URI at all',
      `server {
  location /api/ { proxy_pass http://127.0.0.1:3000/v1/; }
  location /app { proxy_pass http://127.0.0.1:3000/app2; }
  location = /x { proxy_pass http://127.0.0.1:3000/; }
  location /robots.txt { proxy_pass http://127.0.0.1:3000/; }
  location /y/ { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'with variables it is used as it is',
      'server {\n  location ~ ^/a/(.*)$ { proxy_pass http://127.0.0.1:3000/b/$1; }\n}\n',
    ),
  ],
  check: checkSlashes,
};

function* checkNormalized({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const match = locationOf(hop.level)?.match;
    if (match?.kind !== 'prefix' || hop.level.kind !== 'location' || uriOf(hop) !== match.text) {
      continue;
    }
    // After a rewrite the URI in force is sent in any case.
    if (hop.level.own('rewrite').length > 0) continue;
    const line = renderDirective(hop.node.name, [bare(hop)]);
    yield {
      node: hop.node,
      hop,
      message: `the URI "${match.text}" changes nothing, but has paths decoded before they are passed on`,
      fix: line,
      edits: [{ kind: 'replace', node: hop.node, line }],
    };
  }
}

export const proxyPassNormalized: Rule = {
  id: 'proxy_pass_normalized',
  title: 'paths decoded for no reason',
  severity: 'low',
  what: 'proxy_pass with a URI that is the same as the prefix of its location, such as "/" in location /.',
  why:
    'With a URI nginx sends on the path as it has decoded and cleaned it: "%2F" becomes a slash and ' +
    '"%3F" cannot be told from a query any longer. Without, the path goes as the client sent it.',
  mend: 'Leave the URI out.',
  references: [
    'CWE-436',
    'gixy proxy_pass_normalized',
    'https://github.com/nginx/nginx/issues/501',
  ],
  cases: [
    hit('the root', 'server {\n  location / { proxy_pass http://127.0.0.1:3000/; } # here\n}\n'),
    hit(
      'a prefix, in a location inside another',
      `server {
  location / {
    location /api/ { proxy_pass https://app.internal/api/; } # here
  }
}
`,
    ),
    miss('no URI', 'server {\n  location / { proxy_pass http://127.0.0.1:3000; }\n}\n'),
    miss(
      'a prefix that changes',
      `server {
  location /api/ { proxy_pass http://127.0.0.1:3000/; }
  location = / { proxy_pass http://127.0.0.1:3000/; }
}
`,
    ),
  ],
  check: checkNormalized,
};
