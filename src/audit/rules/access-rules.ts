// `allow_without_deny`, `return_bypasses_allow_deny` and `status_page_exposed`: rules of access that
// keep nobody out.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { isLocalServer } from '../servers.ts';
import type { Level } from '../tree.ts';

function words(level: Level, name: string): readonly string[] {
  return level.own(name).map(({ args }) => args[0]?.text ?? '');
}

// `allow` and `deny` are inherited together, from the nearest level that has either.
function accessLevel(level: Level): Level | null {
  for (const one of level.outwards()) {
    if (one.own('allow').length + one.own('deny').length > 0) return one;
  }
  return null;
}

function* checkAllow({ root }: AuditSubject): Iterable<RawFinding> {
  for (const level of root.walk()) {
    const node = level.own('allow').at(-1);
    if (node === undefined) continue;
    if (words(level, 'deny').length > 0 || words(level, 'allow').includes('all')) continue;
    yield {
      node,
      message: 'who is not named here comes in as well: there is no "deny all"',
      fix: 'deny all;',
    };
  }
}

export const allowWithoutDeny: Rule = {
  id: 'allow_without_deny',
  title: 'allow without deny',
  severity: 'medium',
  what: 'A level with allow and without any deny.',
  why: 'nginx lets in everybody whom no rule names: these lines do nothing, though they look as if.',
  mend: 'End the list with deny all.',
  references: ['CWE-284', 'gixy allow_without_deny'],
  cases: [
    hit(
      'in a location',
      `server {
  location /admin {
    allow 10.0.0.0/8; # here
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    hit(
      'a deny above is hidden by the allow below',
      `server {
  deny all;
  location /status { allow 127.0.0.1; stub_status; } # here
}
`,
    ),
    miss(
      'ended by deny',
      'server {\n  location /admin { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1; }\n}\n',
    ),
    miss('opened on purpose', 'server {\n  deny all;\n  location /public { allow all; }\n}\n'),
  ],
  check: checkAllow,
};

function* checkReturns({ root }: AuditSubject): Iterable<RawFinding> {
  for (const { node, level } of root.find('return')) {
    const around = level.kind === 'if' ? level.parent : level;
    const first = node.args[0]?.text ?? '';
    if (around === null || !/^2\d\d$/.test(first)) continue;
    if (!words(around, 'deny').some((text) => text !== '')) continue;
    yield {
      node,
      message: 'this is answered before "allow" and "deny" are looked at',
      fix: 'try_files /nonexistent @answer;  # with "return" in that location',
    };
  }
}

export const returnBypassesAllowDeny: Rule = {
  id: 'return_bypasses_allow_deny',
  title: 'return goes past allow and deny',
  severity: 'medium',
  what: 'A return with an answer of success beside deny, in the same location or server.',
  why: 'return belongs to the rewrite phase, which comes before access: everybody gets that answer.',
  mend: 'Let try_files or an inner location answer, or test the address in the condition of the return.',
  references: ['CWE-284', 'gixy return_bypasses_allow_deny'],
  cases: [
    hit(
      'in a location',
      `server {
  location /token {
    allow 10.0.0.0/8;
    deny all;
    return 200 "secret"; # here
  }
}
`,
    ),
    hit(
      'in an "if"',
      `server {
  deny all;
  if ($arg_x) { return 204; } # here
}
`,
    ),
    miss(
      'refusals and redirects',
      `server {
  deny 192.0.2.1;
  location /a { deny all; return 403; }
  location /b { deny all; return 301 https://example.com/; }
}
`,
    ),
    miss('no rule of access', 'server {\n  location /healthz { return 200 "ok"; }\n}\n'),
  ],
  check: checkReturns,
};

function isClosed(level: Level): boolean {
  const access = accessLevel(level);
  if (access !== null && words(access, 'deny').includes('all')) return true;
  const checks = ['auth_basic', 'auth_request', 'auth_jwt'];
  if (checks.some((name) => (level.value(name) ?? 'off') !== 'off')) return true;
  const verified = level.around('server')?.value('ssl_verify_client') === 'on';
  return verified || level.own('internal').length > 0;
}

const statusPages = [
  'stub_status',
  'status',
  'vhost_traffic_status_display',
  'upstream_show',
  'api',
];

function* checkStatus({ root }: AuditSubject): Iterable<RawFinding> {
  for (const name of statusPages) {
    for (const { node, level } of root.find(name)) {
      const fits = level.kind === 'location' || level.kind === 'server' || level.kind === 'if';
      if (!fits || isClosed(level) || isLocalServer(level.around('server'))) continue;
      const lines = ['allow 127.0.0.1;', 'deny all;'];
      yield {
        node,
        message: `"${name}" is shown to everybody`,
        fix: lines.join('\n'),
        ...(level.own('allow').length > 0 || level.kind !== 'location'
          ? {}
          : { edits: [{ kind: 'insert-after', node, lines }] }),
      };
    }
  }
}

export const statusPageExposed: Rule = {
  id: 'status_page_exposed',
  title: 'status page for everybody',
  severity: 'low',
  what: 'stub_status or a page like it, without allow and deny, password, or an address of its own.',
  why: 'It shows how much traffic there is, and some show all upstream servers, to anybody who asks.',
  mend: 'Allow only the machines that collect it.',
  references: ['CWE-200', 'gixy status_page_exposed'],
  cases: [
    hit('open', 'server {\n  location /nginx_status {\n    stub_status; # here\n  }\n}\n'),
    hit(
      'the rule above is hidden by another below',
      `server {
  deny all;
  location /nginx_status { allow all; stub_status; } # here
}
`,
    ),
    miss(
      'for the machine itself',
      'server {\n  location /s { allow 127.0.0.1; deny all; stub_status; }\n}\n',
    ),
    miss(
      'on an address of its own; closed above',
      `http {
  server { listen 127.0.0.1:8080; location /s { stub_status; } }
  server { listen 80; auth_basic "status"; location /s { stub_status on; } }
}
`,
    ),
  ],
  check: checkStatus,
};
