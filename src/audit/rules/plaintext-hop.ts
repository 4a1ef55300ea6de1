// `plaintext-hop`: requests that leave the machine without TLS.

import type { AuditSeverity, Hop, Place, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { tlsOf } from '../servers.ts';
import { farthest, serverOfUrl, serversOf } from '../targets.ts';
import { expansions } from '../variables.ts';

const severityOf: Readonly<Record<Place, AuditSeverity | null>> = {
  loopback: null,
  private: 'medium',
  name: 'medium',
  unknown: 'medium',
  public: 'high',
};

const words: Readonly<Record<Place, string>> = {
  loopback: 'this machine',
  private: 'a private network',
  name: 'another host',
  unknown: 'a host that follows a variable',
  public: 'the public network',
};

function* check(subject: AuditSubject): Iterable<RawFinding> {
  for (const hop of subject.hops) {
    const severity = severityOf[hop.place];
    if (hop.scheme !== 'http' || severity === null || carriesTls(hop)) continue;
    const rewritten = /^(http|grpc|uwsgi):/i.test(hop.to);
    yield {
      node: hop.node,
      hop,
      severity,
      message: `the hop to "${hop.to}" goes over ${words[hop.place]} without TLS`,
      ...(hop.kind === 'stream'
        ? { fix: 'proxy_ssl on;' }
        : rewritten
          ? { fix: `${hop.node.name} ${secured(hop.to)};` }
          : {}),
    };
  }
  yield* otherProtocols(subject);
}

// FastCGI, SCGI and memcached have no TLS at all.
function* otherProtocols({ root, groups, definitions }: AuditSubject): Iterable<RawFinding> {
  for (const directive of ['fastcgi_pass', 'scgi_pass', 'memcached_pass']) {
    for (const { node, level } of root.find(directive)) {
      const to = node.args[0]?.text ?? '';
      const servers = expansions(definitions, level, to).flatMap((one) => {
        const group = groups.get(one.toLowerCase());
        return group === undefined ? [serverOfUrl(one, 9000)] : serversOf(group, 9000);
      });
      const place = farthest(servers.map((server) => server.place));
      const severity = severityOf[place];
      if (severity === null || place === 'unknown') continue;
      const message = `"${directive}" to "${to}" goes over ${words[place]}, and that protocol has no TLS`;
      const fix = `${directive} unix:/run/app.sock;`;
      yield { node, severity, message, fix };
    }
  }
}

// In `stream`, what is passed on unread may be the TLS of the client.
function carriesTls({ kind, level }: Hop): boolean {
  const server = level.around('server');
  return kind === 'stream' && (server === null || tlsOf(server) === 'none');
}

function secured(url: string): string {
  return url.replace(/^(http|grpc|uwsgi):/i, (scheme) =>
    scheme.toLowerCase() === 'uwsgi:' ? 'suwsgi:' : `${scheme.slice(0, -1)}s:`,
  );
}

export const plaintextHop: Rule = {
  id: 'plaintext-hop',
  title: 'hop without TLS',
  severity: 'medium',
  what: 'A hop that leaves the machine over plain HTTP. Loopback and unix sockets are fine.',
  why: 'Whoever is on the way reads and changes requests and answers, passwords included.',
  mend: 'Let the upstream speak TLS and use https://, or bring it to the same machine.',
  references: ['CWE-319'],
  cases: [
    hit(
      'a public address',
      'server {\n  location / { proxy_pass http://203.0.113.9; } # here\n}\n',
    ),
    hit(
      'a group with one server elsewhere, named through a variable',
      `upstream app {
  server 127.0.0.1:3000;
  server 10.0.0.8:3000;
}
server {
  set $to app;
  location / { proxy_pass http://$to; } # here
}
`,
    ),
    hit(
      'FastCGI to another host',
      'server {\n  location ~ \\.php$ { fastcgi_pass php:9000; } # here\n}\n',
    ),
    miss(
      'loopback and unix sockets',
      `upstream app {
  server 127.0.0.1:3000;
  server unix:/run/app.sock;
}
server {
  location / { proxy_pass http://app; }
  location ~ \\.php$ { fastcgi_pass unix:/run/php.sock; }
  location /dev { proxy_pass http://127.0.0.1:$port; }
}
`,
    ),
    miss(
      'TCP that is passed on as it is',
      `stream {
  server { listen 443; ssl_preread on; proxy_pass 10.0.0.1:443; }
}
`,
    ),
    hit(
      'TCP whose TLS ends here',
      `stream {
  server { listen 443 ssl; proxy_pass 10.0.0.1:80; } # here
}
`,
    ),
    miss('with TLS', 'server {\n  location / { proxy_pass https://203.0.113.9; }\n}\n'),
  ],
  check,
};
