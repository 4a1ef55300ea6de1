// `alias_traversal` and `merge-slashes`: paths that get around the rules of locations.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { locationOf, readLocation, type LocationMatch } from '../locations.ts';
import { readTarget } from '../targets.ts';
import { httpServers } from '../servers.ts';
import type { Level } from '../tree.ts';

function* checkAliases({ root }: AuditSubject): Iterable<RawFinding> {
  for (const { node, level } of root.find('alias')) {
    const match = locationOf(level)?.match;
    const path = node.args[0]?.text ?? '';
    if (match?.kind !== 'prefix' || match.text.endsWith('/') || !path.endsWith('/')) continue;
    yield {
      node,
      message: `"${match.text}../" leads out of "${path}"`,
      fix: `location ${match.text}/ {`,
    };
  }
}

export const aliasTraversal: Rule = {
  id: 'alias_traversal',
  title: 'files beside the folder of an alias',
  severity: 'high',
  what: 'A location without a slash at its end with an alias that has one.',
  why:
    '"/img../secret" matches the location "/img"; the rest, "../secret", is put behind the folder, and ' +
    'files beside it are sent.',
  mend: 'End the location with a slash too.',
  references: ['CWE-22', 'gixy alias_traversal'],
  cases: [
    hit('the classic', 'server {\n  location /img {\n    alias /data/img/; # here\n  }\n}\n'),
    hit(
      'with a modifier, inside another location',
      `server {
  location / {
    location ^~ /files { alias /srv/files/; } # here
  }
}
`,
    ),
    miss(
      'both with, both without',
      `server {
  location /img/ { alias /data/img/; }
  location /doc { alias /data/doc; }
}
`,
    ),
    miss(
      'one path, or an expression',
      `server {
  location = /logo { alias /data/; }
  location ~ ^/u/(.+)$ { alias /data/$1/; }
}
`,
    ),
  ],
  check: checkAliases,
};

function refuses(level: Level): boolean {
  const closed = level.own('deny').some(({ args }) => args[0]?.text === 'all');
  const answer = level
    .own('return')
    .some(({ args }) => /^(403|404|410|444)$/.test(args[0]?.text ?? ''));
  return (closed && level.own('satisfy').length === 0) || answer;
}

// Does a location hand on, unchanged, paths below which the other lies?
function passesAsIs(level: Level, guarded: LocationMatch): boolean {
  const match = readLocation(level);
  const pass = level.own('proxy_pass')[0]?.args[0]?.text;
  if (match?.kind !== 'prefix' || pass === undefined || match.text === guarded.text) return false;
  const { uri } = readTarget(pass);
  const asIs = pass.includes('$') ? uri.startsWith('$request_uri') : uri === '';
  return asIs && guarded.text.startsWith(match.text);
}

const notSecrets =
  /^\/(favicon\.ico|robots\.txt|\.well-known\/?.*|50x\.html|error.*|healthz?)$|\.html?$/;

function* checkGuards({ root, dialect }: AuditSubject): Iterable<RawFinding> {
  for (const server of httpServers(root)) {
    const locations = [...server.walk()].filter(({ kind }) => kind === 'location');
    const merges = server.isOn('merge_slashes', true);
    const passing = locations.filter((level) => level.own('proxy_pass').length > 0);
    for (const level of locations) {
      const match = readLocation(level);
      const node = level.node;
      if (node === null || match === null || !refuses(level)) continue;
      if (match.kind !== 'exact' && match.kind !== 'prefix') continue;
      if (notSecrets.test(match.text) || match.text === '/') continue;
      if (!passing.some((other) => passesAsIs(other, match))) continue;
      if (match.kind === 'prefix' && merges) continue;
      const other = match.kind === 'exact' ? `${match.text}/` : `/${match.text}`;
      yield {
        node,
        severity: match.kind === 'prefix' ? 'medium' : 'low',
        message: `"${match.text}" is refused here, and "${other}" is passed on to the upstream`,
        fix: match.kind === 'exact' ? `location ^~ ${match.text} {` : 'merge_slashes on;',
        ...(match.kind === 'prefix' && dialect === 'nginx' ? editOf(server) : {}),
      };
    }
  }
}

function editOf(server: Level): Pick<RawFinding, 'edits'> {
  const node = server.last('merge_slashes');
  return node === null ? {} : { edits: [{ kind: 'replace', node, line: 'merge_slashes on;' }] };
}

export const mergeSlashes: Rule = {
  id: 'merge-slashes',
  title: 'refused path that reaches the upstream in another spelling',
  severity: 'medium',
  what:
    'A location that refuses a path beside one that passes everything on as the client wrote it, where ' +
    'another spelling of the path gets there: "//admin" with merge_slashes off, "/admin/" where only ' +
    '"= /admin" is refused.',
  why: 'Most upstreams take both spellings for the same page.',
  mend: 'Leave merge_slashes on, refuse by prefix, and let the upstream refuse as well.',
  references: ['CWE-22', 'CWE-436', 'CWE-863'],
  cases: [
    hit(
      'slashes are not merged, as said above',
      `http {
  merge_slashes off;
  server {
    location /admin { deny all; } # here
    location / { proxy_pass http://127.0.0.1:3000; }
  }
}
`,
    ),
    hit(
      'one spelling only',
      `server {
  location = /admin { return 403; } # here
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'refused by prefix, slashes merged',
      `server {
  location /admin { deny all; }
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'nothing is passed on beside it',
      `server {
  merge_slashes off;
  location = /admin { return 403; }
  location /private { deny all; }
  location / { root /srv; }
  location /api { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
  ],
  check: checkGuards,
};
