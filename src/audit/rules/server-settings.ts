// Settings of servers that say too much or too little: `version_disclosure`, `default_server_flag`,
// `hsts_header`.

import type { DirectiveNode } from '../../config/node.ts';
import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { hasParameter, httpServers, listenKey, serverNames, tlsOf } from '../servers.ts';
import type { Level } from '../tree.ts';

function* checkVersion({ root, dialect }: AuditSubject): Iterable<RawFinding> {
  for (const server of httpServers(root)) {
    const written = server.last('server_tokens');
    const value = written?.args[0]?.text ?? (dialect === 'nginx' ? 'on' : 'off');
    if (value !== 'on' && value !== 'build') continue;
    const http = server.around('http');
    // What holds around a part of a configuration is not known.
    if (written === null && http === null) continue;
    const node = written ?? http?.node ?? server.node;
    if (node === null) continue;
    const line = 'server_tokens off;';
    yield {
      node,
      message: 'error pages and the Server field tell the version',
      fix: line,
      edits: [
        written === null
          ? { kind: 'insert-into', node, lines: [line] }
          : { kind: 'replace', node, line },
      ],
    };
  }
}

export const versionDisclosure: Rule = {
  id: 'version_disclosure',
  title: 'version told to everybody',
  severity: 'low',
  what: 'server_tokens is on, as it is in nginx unless switched off.',
  why: 'Whoever looks for servers with a known hole finds this one without trying.',
  mend: 'Set server_tokens off.',
  references: ['CWE-200', 'CIS nginx 2.5.1', 'gixy version_disclosure'],
  cases: [
    hit('nothing said', 'http { # here\n  server { listen 80; }\n}\n'),
    hit(
      'switched on for one server',
      `http {
  server_tokens off;
  server { listen 80; server_tokens on; } # here
  server { listen 81; }
}
`,
    ),
    miss('switched off above', 'http {\n  server_tokens off;\n  server { listen 80; }\n}\n'),
    miss('Sallyport does not tell', 'http {\n  server { listen 80; }\n}\n', {
      dialect: 'sallyport',
    }),
  ],
  check: checkVersion,
};

function* checkDefault({ root }: AuditSubject): Iterable<RawFinding> {
  const byAddress = new Map<string, DirectiveNode[]>();
  for (const server of httpServers(root)) {
    // In a part of a configuration the others may stand elsewhere.
    if (server.around('http') === null) continue;
    for (const node of server.own('listen')) {
      const same = byAddress.get(listenKey(node));
      if (same === undefined) byAddress.set(listenKey(node), [node]);
      else same.push(node);
    }
  }
  for (const [key, nodes] of byAddress) {
    const [node] = nodes;
    const flagged = nodes.some(
      (one) => hasParameter(one, 'default_server') || hasParameter(one, 'default'),
    );
    if (node === undefined || nodes.length < 2 || flagged) continue;
    const line = `listen ${[...node.args.map(({ text }) => text), 'default_server'].join(' ')};`;
    yield {
      node,
      message: `${nodes.length} servers listen on ${key}, and names that none of them has come to this one by its place`,
      fix: line,
      edits: [{ kind: 'replace', node, line }],
    };
  }
}

export const defaultServerFlag: Rule = {
  id: 'default_server_flag',
  title: 'default server by chance',
  severity: 'low',
  what: 'Several servers on one address, none of them marked default_server.',
  why:
    'The first one in the configuration answers for all foreign names; another file in the folder ' +
    'changes which one that is.',
  mend: 'Mark one, best one that refuses: return 444.',
  references: ['CWE-16', 'CIS nginx 2.4.2', 'gixy default_server_flag'],
  cases: [
    hit(
      'two names on one port',
      `http {
  server { listen 80; server_name a.example; } # here
  server { listen *:80; server_name b.example; }
}
`,
    ),
    hit(
      'marked on another port only',
      `http {
  server {
    listen 80 default_server;
    listen 443 ssl; # here
  }
  server { listen 80; listen 443 ssl; server_name b.example; }
}
`,
    ),
    miss(
      'marked',
      `http {
  server { listen 80 default_server; return 444; }
  server { listen 80; server_name a.example; }
}
`,
    ),
    miss(
      'one each, and a part of a configuration',
      `server { listen 80; server_name a.example; }
server { listen 80; server_name b.example; }
`,
    ),
  ],
  check: checkDefault,
};

const halfYear = 15_768_000;

function hstsOf(level: Level): DirectiveNode | undefined {
  return level
    .effective('add_header')
    .find(({ args }) => /^strict-transport-security$/i.test(args[0]?.text ?? ''));
}

function* checkHsts({ root }: AuditSubject): Iterable<RawFinding> {
  for (const server of httpServers(root)) {
    if (tlsOf(server) === 'none') continue;
    for (const level of server.walk()) {
      const node = hstsOf(level);
      const age = /max-age="?(\d+)/i.exec(node?.args[1]?.text ?? '')?.[1];
      if (node === undefined || age === undefined || Number(age) >= halfYear) continue;
      const message = `browsers keep to TLS for ${age} seconds only`;
      yield {
        node,
        message,
        fix: 'add_header Strict-Transport-Security "max-age=31536000" always;',
      };
    }
    const passes = server.find('proxy_pass').length > 0 || server.find('grpc_pass').length > 0;
    const set = [...server.walk()].some((level) => hstsOf(level) !== undefined);
    const own = server.own('listen')[0];
    // Where requests are passed on, the application may send it.
    if (set || passes || own === undefined || server.own('return').length > 0) continue;
    if (!serverNames(server).some((name) => name.includes('.'))) continue;
    yield {
      node: own,
      severity: 'info',
      message: 'no Strict-Transport-Security is sent',
      fix: 'add_header Strict-Transport-Security "max-age=31536000" always;',
    };
  }
}

export const hstsHeader: Rule = {
  id: 'hsts_header',
  title: 'no lasting HSTS',
  severity: 'low',
  what:
    'Strict-Transport-Security for less than half a year; for information: none at all, in a server ' +
    'with TLS that answers itself.',
  why: 'Until a browser knows it, the first request goes out in the clear and can be led elsewhere.',
  mend: 'Send max-age=31536000 once the site is on TLS for good.',
  references: ['RFC 6797', 'CWE-319', 'CIS nginx 4.1.8', 'gixy hsts_header'],
  cases: [
    hit(
      'too short, set above',
      `http {
  add_header Strict-Transport-Security "max-age=3600"; # here
  server { listen 443 ssl; }
}
`,
    ),
    hit(
      'none',
      `server {
  listen 443 ssl; # here
  server_name www.example.com;
  root /srv;
}
`,
    ),
    miss(
      'a year',
      `server {
  listen 443 ssl;
  server_name www.example.com;
  add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
}
`,
    ),
    miss(
      'the application may send it; no TLS',
      `http {
  server { listen 443 ssl; server_name a.b; location / { proxy_pass http://127.0.0.1; } }
  server { listen 80; server_name c.d; }
}
`,
    ),
  ],
  check: checkHsts,
};
