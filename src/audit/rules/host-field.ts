// `host-default` and `host_spoofing`: the Host field that upstream servers get.

import type { RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import { httpServers } from '../servers.ts';
import { headerDirective, sentHeader } from './passed-headers.ts';
import { freedom } from './variable-targets.ts';

function* checkDefault({ hops }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    const directive = headerDirective(hop);
    if (directive === null) continue;
    const host = sentHeader(hop, 'host');
    const fromTarget = host === undefined || /^\$\{?proxy_host\}?$/.test(host.value);
    if (hop.group !== null && fromTarget) {
      const isServer = hop.servers.some((server) => server.host === hop.group);
      if (isServer || hop.group.includes('.')) continue;
      const invalid = hop.group.includes('_') ? ', which is no valid host name' : '';
      yield {
        node: host?.node ?? hop.node,
        hop,
        message: `the upstream gets "Host: ${hop.group}", the name of the group${invalid}`,
        fix: `${directive} Host $host;`,
      };
    } else if (host !== undefined && hop.sni !== null && isOther(host.value, hop.sni)) {
      yield {
        node: host.node,
        hop,
        message: `"Host: ${host.value}" is sent to a server that was asked for "${hop.sni}" in the handshake`,
        fix: `${directive} Host ${hop.sni};`,
      };
    }
  }
}

function isOther(host: string, sni: string): boolean {
  if (host.includes('$') || sni.includes('$') || host === '') return false;
  return host.replace(/:\d+$/, '').toLowerCase() !== sni.toLowerCase();
}

export const hostDefault: Rule = {
  id: 'host-default',
  title: 'Host field of the group',
  severity: 'low',
  what:
    'A hop to a group that does not set Host: the upstream gets the name of the group. Also a fixed ' +
    'Host that differs from the name in the TLS handshake.',
  why:
    'Applications build links and choose sites by Host; some refuse names with an underscore, and ' +
    'servers with several certificates answer 421 where Host and the name of the handshake differ.',
  mend: 'Set proxy_set_header Host to $host, or to the name that the upstream goes by.',
  references: ['RFC 9110, section 7.2', 'RFC 9110, section 15.5.20'],
  cases: [
    hit(
      'the name of a group',
      `upstream my_app { server 10.0.0.1; }
server {
  location / { proxy_pass http://my_app; } # here
}
`,
    ),
    hit(
      'lost to another header of the location',
      `upstream app { server 10.0.0.1; }
server {
  proxy_set_header Host $host;
  location / {
    proxy_set_header X-Real-IP $remote_addr;
    proxy_pass http://app; # here
  }
}
`,
    ),
    hit(
      'two names for one server',
      `server {
  proxy_ssl_server_name on;
  location / {
    proxy_set_header Host www.example.com; # here
    proxy_pass https://origin.example.net;
  }
}
`,
    ),
    miss(
      'set above',
      `upstream app { server 10.0.0.1; }
server {
  proxy_set_header Host $host;
  location / { proxy_pass http://app; }
}
`,
    ),
    miss('a host of its own', 'server {\n  location / { proxy_pass http://app.internal; }\n}\n'),
  ],
  check: checkDefault,
};

function* checkSpoofing({ hops, root, taint }: AuditSubject): Iterable<RawFinding> {
  const usualPorts = httpServers(root)
    .flatMap((server) => server.own('listen'))
    .every(({ args }) => /^(.*:)?(80|443)$|^[\d.]+$|^unix:/.test(args[0]?.text ?? ''));
  for (const hop of hops) {
    const host = sentHeader(hop, 'host');
    if (host === undefined) continue;
    const flow = taint
      .flowsOf(host.value, hop.level)
      .find((one) => one.from !== '$host' && freedom(host.value, one) === 'host');
    if (flow === undefined) continue;
    const line = renderDirective(host.node.name, [host.node.args[0]?.text ?? 'Host', '$host']);
    const exact = /^\$\{?http_host\}?$/i.test(host.value);
    yield {
      node: host.node,
      hop,
      message: `the upstream gets a Host that nobody has looked at, from ${flow.from}`,
      fix: line,
      ...(exact && usualPorts ? { edits: [{ kind: 'replace', node: host.node, line }] } : {}),
    };
  }
}

export const hostSpoofing: Rule = {
  id: 'host_spoofing',
  title: 'Host as the client wrote it',
  severity: 'medium',
  what: 'proxy_set_header Host $http_host, or from another field or argument of the request.',
  why:
    '$http_host may differ from the name that chose the server: with "GET http://a/ HTTP/1.1" and ' +
    '"Host: b" the rules of a are applied, and the upstream answers for b. Links in mails and caches ' +
    'then show what the client wanted.',
  mend: 'Use $host.',
  references: ['CWE-290', 'CWE-444', 'gixy host_spoofing'],
  cases: [
    hit(
      'as it came',
      `server {
  location / {
    proxy_set_header Host $http_host; # here
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    hit(
      'from another field, set above by way of a variable',
      `server {
  set $name $http_x_forwarded_host;
  proxy_set_header Host $name; # here
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'checked by nginx',
      `server {
  proxy_set_header Host $host;
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'replaced below',
      `server {
  proxy_set_header Host $http_host;
  location / { proxy_set_header Host app.internal; proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
  ],
  check: checkSpoofing,
};
