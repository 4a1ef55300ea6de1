// `plaintext-hop`: requests that leave the machine without TLS.

import type { AuditSeverity, Place, RawFinding } from '../model.ts';
import type { AuditSubject, Rule } from '../rule.ts';

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

function* check({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const severity = severityOf[hop.place];
    if (hop.scheme !== 'http' || severity === null) continue;
    yield {
      node: hop.node,
      hop,
      severity,
      message: `the hop to "${hop.to}" goes over ${words[hop.place]} without TLS`,
      fix: hop.kind === 'stream' ? 'proxy_ssl on;' : `${hop.node.name} ${secured(hop.to)};`,
    };
  }
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
    {
      title: 'a public address',
      configuration: 'server {\n  location / { proxy_pass http://203.0.113.9; }\n}\n',
      lines: [2],
    },
    {
      title: 'a group with one server elsewhere',
      configuration:
        'upstream app {\n  server 127.0.0.1:3000;\n  server 10.0.0.8:3000;\n}\nserver {\n  location / { proxy_pass http://app; }\n}\n',
      lines: [6],
    },
    {
      title: 'loopback and unix sockets',
      configuration:
        'upstream app {\n  server 127.0.0.1:3000;\n  server unix:/run/app.sock;\n}\nserver {\n  location / { proxy_pass http://app; }\n}\n',
      lines: [],
    },
    {
      title: 'with TLS',
      configuration: 'server {\n  location / { proxy_pass https://203.0.113.9; }\n}\n',
      lines: [],
    },
  ],
  check,
};
