// Single directives with a catch: `add_header_multiline`, `error_log_off`, `low_keepalive_requests`,
// `worker_rlimit_nofile_vs_connections`, `hash_without_default`, `if_is_evil`.

import type { RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import { variablesIn } from '../variables.ts';

export const addHeaderMultiline: Rule = {
  id: 'add_header_multiline',
  title: 'header over several lines',
  severity: 'low',
  what: 'add_header or proxy_set_header with a line break in its value.',
  why: 'Headers over several lines are forbidden: clients and HTTP/2 refuse the whole answer.',
  mend: 'Write the value in one line.',
  references: ['RFC 9112, section 5.2', 'CWE-16', 'gixy add_header_multiline'],
  cases: [
    hit(
      'a policy in two lines',
      'server {\n  add_header Content-Security-Policy "default-src self; # here\n    img-src *";\n}\n',
    ),
    hit('to the upstream', 'http {\n  proxy_set_header X-A "a # here\n  b";\n}\n'),
    miss('in one line', 'server {\n  add_header Content-Security-Policy "default-src self";\n}\n'),
    miss('line breaks elsewhere', 'server {\n  location / { return 200 "a\n  b"; }\n}\n'),
  ],
  *check({ root }) {
    for (const name of ['add_header', 'add_trailer', 'proxy_set_header', 'grpc_set_header']) {
      for (const { node } of root.find(name)) {
        if (!/[\r\n]/.test(node.args[1]?.text ?? '')) continue;
        const words = node.args.map(({ text }) => text.replace(/\s*[\r\n]+\s*/g, ' '));
        const line = renderDirective(name, words);
        const message = `the value of "${words[0] ?? ''}" goes over several lines`;
        yield { node, message, fix: line, edits: [{ kind: 'replace', node, line }] };
      }
    }
  },
};

export const errorLogOff: Rule = {
  id: 'error_log_off',
  title: 'no error log',
  severity: 'low',
  what: 'error_log off, which writes a file called "off", or error_log /dev/null.',
  why: 'Failed verification, attacks and faults leave no trace.',
  mend: 'Log to a file, at level crit where there is too much.',
  references: ['CWE-778', 'CIS nginx 3.3', 'gixy error_log_off'],
  cases: [
    hit('a file called "off"', 'server {\n  error_log off; # here\n}\n'),
    hit(
      'thrown away, for all below',
      'http {\n  error_log /dev/null crit; # here\n  server { listen 80; }\n}\n',
    ),
    miss('to a file', 'http {\n  error_log /var/log/nginx/error.log warn;\n}\n'),
    miss('the other log', 'http {\n  access_log off;\n  error_log stderr;\n}\n'),
  ],
  *check({ root }) {
    for (const { node } of root.find('error_log')) {
      const target = node.args[0]?.text ?? '';
      if (target !== 'off' && target !== '/dev/null') continue;
      const message =
        target === 'off' ? 'errors go to a file called "off"' : 'errors are thrown away';
      yield { node, message, fix: 'error_log /var/log/nginx/error.log crit;' };
    }
  },
};

export const lowKeepaliveRequests: Rule = {
  id: 'low_keepalive_requests',
  title: 'connections closed early',
  severity: 'info',
  what: 'keepalive_requests below 1000, the default.',
  why:
    'Each new connection is a new handshake, to clients and to upstream servers: more work, and with ' +
    'HTTP/2 requests that fail as the connection closes.',
  mend: 'Leave it out.',
  references: ['CWE-400', 'gixy low_keepalive_requests'],
  cases: [
    hit('to clients', 'http {\n  keepalive_requests 100; # here\n}\n'),
    hit('in a group', 'upstream a {\n  server 10.0.0.1;\n  keepalive_requests 50; # here\n}\n'),
    miss('as usual', 'http {\n  keepalive_requests 1000;\n}\n'),
    miss('not said', 'http {\n  keepalive_timeout 65;\n}\n'),
  ],
  *check({ root }) {
    for (const { node } of root.find('keepalive_requests')) {
      const count = Number(node.args[0]?.text ?? '');
      if (!(count < 1000)) continue;
      const edits = [{ kind: 'replace', node, line: 'keepalive_requests 1000;' }] as const;
      const message = `connections are closed after ${count} requests`;
      yield { node, message, fix: 'keepalive_requests 1000;', edits };
    }
  },
};

export const workerFiles: Rule = {
  id: 'worker_rlimit_nofile_vs_connections',
  title: 'fewer files than connections',
  severity: 'low',
  what: 'worker_rlimit_nofile below twice worker_connections.',
  why:
    'A proxied request takes two connections, each a file: with too few the worker refuses clients ' +
    'while it believes that it has room.',
  mend: 'Set worker_rlimit_nofile to at least twice worker_connections.',
  references: ['CWE-770', 'gixy worker_rlimit_nofile_vs_connections'],
  cases: [
    hit('too few', 'worker_rlimit_nofile 1024; # here\nevents {\n  worker_connections 1024;\n}\n'),
    hit('the usual number of connections', 'worker_rlimit_nofile 512; # here\nevents {\n}\n'),
    miss('twice as many', 'worker_rlimit_nofile 8192;\nevents {\n  worker_connections 4096;\n}\n'),
    miss('left to the system', 'events {\n  worker_connections 4096;\n}\n'),
  ],
  *check({ root }) {
    const node = root.own('worker_rlimit_nofile').at(-1);
    if (node === undefined) return;
    const connections = Number(root.find('worker_connections')[0]?.node.args[0]?.text ?? 512);
    const files = Number(node.args[0]?.text ?? '');
    if (!(files < connections * 2)) return;
    const line = `worker_rlimit_nofile ${connections * 2};`;
    const message = `${files} files for ${connections} connections`;
    yield { node, message, fix: line, edits: [{ kind: 'replace', node, line }] };
  },
};

function* checkDefaults({ hops, definitions }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    for (const variable of variablesIn(hop.node.args[0]?.text ?? '')) {
      const map = definitions.maps.get(variable);
      if (map === undefined || map.hasDefault || map.node.name === 'split_clients') continue;
      yield {
        node: map.node,
        message: `"${hop.to}" is empty where no line of this matches: such requests end in 500`,
        fix: 'default refused;  # upstream refused { server 127.0.0.1:1; }',
      };
    }
  }
}

export const hashWithoutDefault: Rule = {
  id: 'hash_without_default',
  title: 'target from a map without default',
  severity: 'low',
  what: 'A map or geo without default whose variable is the target of a hop.',
  why: 'Any name that is not in the list gives an empty target: an error 500, and a line in the log for each.',
  mend: 'Write a default, or refuse an empty value before.',
  references: ['CWE-1188', 'gixy hash_without_default'],
  cases: [
    hit(
      'the host',
      `map $host $to { # here
  a.example 10.0.0.1;
}
server { location / { proxy_pass http://$to; } }
`,
    ),
    hit(
      'by the address of the client, used below',
      `http {
  geo $to { 10.0.0.0/8 http://10.0.0.1; } # here
  server { location / { proxy_pass $to; } }
}
`,
    ),
    miss(
      'with a default',
      'map $host $to { default 10.0.0.2; a.example 10.0.0.1; }\nserver { location / { proxy_pass http://$to; } }\n',
    ),
    miss(
      'for something else',
      'map $host $name { a.example one; }\nserver { add_header X-A $name; }\n',
    ),
  ],
  check: checkDefaults,
};

const evil =
  /^(proxy_pass|grpc_pass|fastcgi_pass|uwsgi_pass|scgi_pass|try_files|alias|root|add_header|limit_rate|gzip|proxy_hide_header)$/;

export const ifIsEvil: Rule = {
  id: 'if_is_evil',
  title: 'more than rewriting in an if',
  severity: 'low',
  what: 'An if in a location with proxy_pass, add_header, try_files or the like inside.',
  why:
    'An if makes a location of its own in secret: of two that hold only the last counts, and what ' +
    'stands around it may be lost. That is how checks and headers go missing.',
  mend: 'Choose by a map, or send the request to a named location by return and error_page.',
  references: [
    'CWE-16',
    'https://www.nginx.com/resources/wiki/start/topics/depth/ifisevil/',
    'gixy if_is_evil',
  ],
  cases: [
    hit(
      'another hop',
      `server {
  location / {
    if ($http_x_beta) { # here
      proxy_pass http://127.0.0.1:4000;
    }
    proxy_pass http://127.0.0.1:3000;
  }
}
`,
    ),
    hit(
      'in a location inside another',
      `server {
  location / {
    location /a {
      if ($arg_x = 1) { add_header X-A 1; } # here
    }
  }
}
`,
    ),
    miss(
      'rewriting alone',
      `server {
  location / {
    if ($request_method = POST) { return 405; }
    if ($arg_x) { set $y 1; rewrite ^ /z last; }
  }
}
`,
    ),
    miss(
      'in a server',
      'server {\n  if ($host != www.example.com) { return 301 https://www.example.com$request_uri; }\n}\n',
    ),
  ],
  *check({ root }) {
    for (const { node, level } of root.find('if')) {
      if (level.around('location') === null) continue;
      const found = node.block?.find(({ name }) => evil.test(name));
      if (found !== undefined) yield { node, message: `"${found.name}" inside an "if"` };
    }
  },
};
