// `ssrf` and `var-target`: hops whose target, or whose name, the client chooses.

import { sslDirective } from '../hops.ts';
import type { Hop, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { defaultServers, hasFixedHost } from '../servers.ts';
import type { Flow } from '../taint.ts';
import type { Level } from '../tree.ts';
import { expansions } from '../variables.ts';

/** How far the client chooses the host of a hop. */
type Choice = 'host' | 'part' | 'none';

interface Chosen {
  readonly choice: Choice;
  readonly from: string;
}

const nothing: Chosen = { choice: 'none', from: '' };

// A text is a whole URL ("$backend") or has its host in between.
function chosenHost(subject: AuditSubject, hop: Hop, defaults: ReadonlySet<Level>): Chosen {
  const fixedHost = hasFixedHost(hop.level.around('server'), defaults);
  const texts = expansions(subject.definitions, hop.level, hop.node.args[0]?.text ?? '');
  let worst = nothing;
  for (const text of texts) {
    const host = /^(?:[^:]*:\/\/)?([^/?]*)/.exec(text)?.[1] ?? '';
    const flows = subject.taint
      .flowsOf(host, hop.level)
      .filter(({ from, isPath }) => !isPath && !(fixedHost && from === '$host'));
    for (const flow of flows) {
      const choice = freedom(host, flow);
      if (choice === 'host') return { choice, from: flow.from };
      worst = { choice, from: flow.from };
    }
  }
  return worst;
}

// Behind a fixed ending the client chooses among hosts of the inside, unless it can end the host itself.
export function freedom(authority: string, { chars }: Flow): Choice {
  const host = authority.replace(/:(\d+|\$\{?\w+\}?)$/, '');
  if (!/\$/.test(host)) return 'part';
  if (chars.hasAny('/?#@')) return 'host';
  const fixedEnding = /[\w}]\.[a-z][\w.-]*$/i.test(host.replaceAll(/\$\{?\w+\}?/g, '}'));
  return fixedEnding || !chars.hasAny('.:') ? 'part' : 'host';
}

function* checkSsrf(subject: AuditSubject): Iterable<RawFinding> {
  const defaults = defaultServers(subject.root);
  for (const hop of subject.hops) {
    const { choice, from } = chosenHost(subject, hop, defaults);
    if (choice === 'none') continue;
    const inner = hop.level.own('internal').length > 0;
    const what =
      choice === 'host' ? 'which server is asked' : 'a part of the name or port that is asked';
    yield {
      node: hop.node,
      hop,
      severity: choice === 'part' || inner ? 'low' : 'high',
      message: `the client chooses ${what}, by ${from}`,
      fix: `map ${from} $target {\n    hostnames;\n    known.example  app.internal;\n    default        "";\n}`,
    };
  }
}

export const ssrf: Rule = {
  id: 'ssrf',
  title: 'the client chooses the server',
  severity: 'high',
  what:
    'The host of a hop comes from the request: an argument, a field, a part of the path, the Host field ' +
    'of a server that answers for any name. Followed through set, map and captures.',
  why:
    'Anybody can then have requests sent into the inside, to the address of cloud metadata, or to a ' +
    'server of their own, with the fields and client certificate that the proxy adds.',
  mend: 'Choose the target by a map of known names with an empty default, and refuse the rest.',
  references: ['CWE-918', 'gixy ssrf'],
  cases: [
    hit(
      'an argument, through a variable',
      `server {
  location /fetch {
    set $to $arg_url;
    proxy_pass http://$to; # here
  }
}
`,
    ),
    hit(
      'a part of the path, and SNI in stream',
      `http {
  server {
    location ~ ^/p/(?<site>[^/]+)/(?<rest>.*)$ {
      proxy_pass https://$site/$rest; # here
    }
  }
}
stream {
  server { proxy_pass $ssl_preread_server_name:443; } # here
}
`,
    ),
    hit(
      'the Host field, where any name is answered',
      'server {\n  listen 80 default_server;\n  location / { proxy_pass http://$host:8080; } # here\n}\n',
    ),
    miss(
      'a map of known names, and a value that is checked',
      `map $host $target {
  a.example 10.0.0.1;
  default   10.0.0.2;
}
server {
  listen 80 default_server;
  set $shard $arg_shard;
  if ($shard !~ ^(one|two)$) { return 404; }
  location / { proxy_pass http://$target; }
  location /s { proxy_pass http://$shard.internal; }
  location ~ ^/v1(/.*)$ { proxy_pass http://app.internal:3000$1; }
  location ~ ^/(en|de)/ { proxy_pass http://$1.internal; }
}
`,
    ),
    miss(
      'the Host field, where the server has one name and is not the default',
      `server {
  listen 80 default_server;
  return 444;
}
server {
  listen 80;
  server_name app.example;
  location / { proxy_pass http://$host:8080; }
}
`,
    ),
    miss(
      'only the path',
      'server {\n  location / { proxy_pass http://app.internal$request_uri; }\n}\n',
    ),
  ],
  check: checkSsrf,
};

function* checkNames(subject: AuditSubject): Iterable<RawFinding> {
  const defaults = defaultServers(subject.root);
  for (const hop of subject.hops) {
    if (hop.verification !== 'on' || !hop.encrypted) continue;
    const directive = sslDirective(hop.kind, 'name');
    const written = hop.level.last(directive);
    const text = written?.args[0]?.text ?? '';
    const fixedHost = hasFixedHost(hop.level.around('server'), defaults);
    const flow = subject.taint
      .flowsOf(text, hop.level)
      .find(({ from }) => !(fixedHost && from === '$host'));
    if (written === null || flow === undefined) continue;
    yield {
      node: written,
      hop,
      message: `the name that is verified comes from the client, by ${flow.from}`,
      fix: `${directive} ${hop.servers[0]?.host ?? 'app.internal'};`,
    };
  }
}

export const varTarget: Rule = {
  id: 'var-target',
  title: 'the client chooses the name that is verified',
  severity: 'high',
  what: 'proxy_ssl_name of a verified hop follows a field, an argument or the SNI of the client.',
  why:
    'Verification then proves only that the server has a certificate for what the client asked for: ' +
    'whoever can lead the hop elsewhere has one.',
  mend: 'Write the name, or take it from a map of known names.',
  references: ['CWE-297', 'https://github.com/haproxy/haproxy/issues/3452'],
  cases: [
    hit(
      'the Host field',
      `server {
  listen 443 ssl default_server;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  proxy_ssl_name $http_host; # here
  location / { proxy_pass https://10.0.0.5; }
}
`,
    ),
    hit(
      'the name in the handshake, set above',
      `http {
  proxy_ssl_name $ssl_server_name; # here
  server {
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ca.pem;
    location / { proxy_pass https://10.0.0.5; }
  }
}
`,
    ),
    miss(
      'from a map',
      `map $host $name { a.example a.internal; default b.internal; }
server {
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  proxy_ssl_name $name;
  location / { proxy_pass https://10.0.0.5; }
}
`,
    ),
    miss(
      'the name is set again below',
      `http {
  proxy_ssl_name $host;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ca.pem;
  server {
    proxy_ssl_name app.internal;
    location / { proxy_pass https://10.0.0.5; }
  }
}
`,
    ),
  ],
  check: checkNames,
};
