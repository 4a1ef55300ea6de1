// `header-reset` and `add_header_redefinition`: one header at a lower level takes away all of those
// above.

import type { DirectiveNode } from '../../config/node.ts';
import type { RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import type { Level } from '../tree.ts';

interface Lost {
  readonly level: Level;
  /** The first of the level's own. */
  readonly node: DirectiveNode;
  readonly last: DirectiveNode;
  /** What was set above and is not set here. */
  readonly gone: readonly DirectiveNode[];
}

function headerName(node: DirectiveNode): string {
  return (node.args[0]?.text ?? '').toLowerCase();
}

function* lostHeaders(root: Level, directive: string, worth: RegExp): Iterable<Lost> {
  for (const level of root.walk()) {
    const own = level.own(directive);
    const [node] = own;
    const last = own.at(-1);
    const above = level.parent?.effective(directive) ?? [];
    if (node === undefined || last === undefined || above.length === 0) continue;
    const names = new Set(own.map(headerName));
    const gone = above.filter((one) => worth.test(headerName(one)) && !names.has(headerName(one)));
    if (gone.length > 0) yield { level, node, last, gone };
  }
}

const forwarded =
  /^(host|forwarded|x-forwarded-.*|x-real-ip|x-request-id|x-client-.*|x-ssl-.*|ssl-.*|x-remote-.*|x-auth-.*|x-user.*|connection|upgrade)$/;

function namesOf(nodes: readonly DirectiveNode[]): string {
  return [...new Set(nodes.map(({ args }) => args[0]?.text ?? ''))].join(', ');
}

function linesOf(nodes: readonly DirectiveNode[]): readonly string[] {
  return nodes.map((one) =>
    renderDirective(
      one.name,
      one.args.map(({ text }) => text),
    ),
  );
}

function lossOf({ node, last, gone }: Lost, done: 'set' | 'added'): RawFinding {
  const lines = linesOf(gone);
  return {
    node,
    message: `this takes away what was ${done} above: ${namesOf(gone)}`,
    fix: lines.join('\n'),
    edits: [{ kind: 'insert-after', node: last, lines }],
  };
}

function* checkPassed({ root, hops }: AuditSubject): Iterable<RawFinding> {
  for (const kind of ['proxy', 'grpc'] as const) {
    const directive = `${kind}_set_header`;
    const used = new Set<DirectiveNode | undefined>(
      hops.filter((hop) => hop.kind === kind).map((hop) => hop.level.effective(directive)[0]),
    );
    for (const lost of lostHeaders(root, directive, forwarded)) {
      if (used.has(lost.node)) yield lossOf(lost, 'set');
    }
  }
}

export const headerReset: Rule = {
  id: 'header-reset',
  title: 'headers to the upstream lost',
  severity: 'medium',
  what:
    'A proxy_set_header at a level takes away all that were inherited: Host, X-Forwarded-For, ' +
    'X-Forwarded-Proto, headers about the client.',
  why:
    'The upstream gets the name of the group as Host, takes the proxy for the client, or believes what ' +
    'the client sent in those fields itself.',
  mend: 'Write the headers of the level above again, best by an include.',
  references: ['CWE-16', 'CWE-348'],
  cases: [
    hit(
      'one header in a location',
      `server {
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  location /ws {
    proxy_set_header Upgrade $http_upgrade; # here
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    hit(
      'in a server, with the hop in a location',
      `http {
  proxy_set_header X-Forwarded-Proto $scheme;
  server {
    proxy_set_header Host $host; # here
    location / { proxy_pass http://127.0.0.1:3000; }
  }
}
`,
    ),
    miss(
      'written again',
      `http {
  proxy_set_header Host $host;
  server {
    location / {
      proxy_set_header Host $host;
      proxy_set_header X-App one;
      proxy_pass http://127.0.0.1:3000;
    }
  }
}
`,
    ),
    miss(
      'nothing is passed on there',
      `server {
  proxy_set_header Host $host;
  location / { proxy_pass http://127.0.0.1:3000; }
  location /files { proxy_set_header X-App one; root /srv; }
}
`,
    ),
  ],
  check: checkPassed,
};

const protecting =
  /^(strict-transport-security|content-security-policy(-report-only)?|x-frame-options|x-content-type-options|x-xss-protection|referrer-policy|permissions-policy|cross-origin-.*|cache-control)$/;

function* checkAdded({ root }: AuditSubject): Iterable<RawFinding> {
  for (const lost of lostHeaders(root, 'add_header', protecting)) {
    if (lost.level.value('add_header_inherit') !== 'merge') yield lossOf(lost, 'added');
  }
}

export const addHeaderRedefinition: Rule = {
  id: 'add_header_redefinition',
  title: 'headers to the client lost',
  severity: 'medium',
  what:
    'An add_header at a level takes away all that were inherited, headers that protect among them: ' +
    'Strict-Transport-Security, Content-Security-Policy, X-Frame-Options and others.',
  why: 'The pages below are without the protection that the configuration seems to give to all.',
  mend: 'Write them again, or, from nginx 1.29.3 on, use add_header_inherit merge.',
  references: ['CWE-16', 'CWE-693', 'gixy add_header_redefinition'],
  cases: [
    hit(
      'in a location',
      `server {
  add_header X-Frame-Options DENY always;
  location /api {
    add_header X-App one; # here
  }
}
`,
    ),
    hit(
      'in an "if"',
      `server {
  add_header Strict-Transport-Security "max-age=31536000" always;
  location / {
    if ($arg_x) { add_header X-App one; } # here
  }
}
`,
    ),
    miss(
      'merged',
      `http {
  add_header X-Frame-Options DENY always;
  add_header_inherit merge;
  server { add_header X-App one; }
}
`,
    ),
    miss(
      'nothing that protects',
      `server {
  add_header X-Served-By one;
  location / { add_header X-App one; }
}
`,
    ),
  ],
  check: checkAdded,
};
