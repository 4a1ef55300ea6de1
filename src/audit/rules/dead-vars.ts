// `dead-vars`: names that nothing has: variables and directives with a slip of the pen.

import { nearestName } from '../../config/suggest.ts';
import { directiveRows, variableRows } from '../../modules/index.ts';
import { foreignDirectives } from '../../modules/nginx-directives.ts';
import type { DirectiveNode } from '../../config/node.ts';
import type { RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import type { Definitions } from '../variables.ts';
import { variablesIn } from '../variables.ts';

const knownDirectives: ReadonlySet<string> = new Set([
  ...directiveRows.map(({ name }) => name),
  ...foreignDirectives.keys(),
]);

// Names that modules beyond nginx's own give, or that other servers set.
const foreignVariables =
  /^(geoip2?_|ssl_|proxy_protocol_|upstream_|http_|sent_|arg_|cookie_|jwt_|realip_|geoip|limit_|secure_link|gzip_|otel_|spdy|fastcgi_|uwsgi_|scgi_|memcached|memc|redis|lua_|ngx_|modsec|brotli|brotli_|zstd|uid_|date_|invalid_referer|slice_|acme|session_log|auth_|nginx_version|protocol|quic|http2|http3|time_|tcpinfo_|proxy_|namespace|ingress|service|the_real_ip|req_id|msec|kube|otel|opentracing|pagespeed|stream_|status|bytes_|session_)/;

function knownVariables({ root, maps, captures, opaque }: Definitions): ReadonlySet<string> {
  const known = new Set<string>([...maps.keys(), ...captures.keys(), ...opaque]);
  for (const row of variableRows) if (row.family !== true) known.add(row.name);
  for (const { node } of root.find('set'))
    for (const one of variablesIn(node.args[0]?.text ?? '')) known.add(one);
  return known;
}

// Whether anything could define variables that is not seen here.
const definers =
  /^(load_module|.*_by_lua.*|js_.*|perl.*|lua_.*|geoip.*|limit_.*_zone|auth_jwt.*|otel.*|uwsgi_pass)$/;

function wordsOf({ args }: DirectiveNode): readonly string[] {
  return args.map(({ text }) => text);
}

function* check({ root, definitions }: AuditSubject): Iterable<RawFinding> {
  const known = knownVariables(definitions);
  const whole =
    root.own('http').length > 0 && ![...root.all()].some(({ node }) => definers.test(node.name));
  const told = new Set<string>();
  const nearest = new Map<string, string | null>();
  for (const { node, level } of root.all()) {
    const inOther = level.kind === 'other' && level.node?.name !== 'events';
    if (!inOther && !knownDirectives.has(node.name)) {
      const before = nearest.get(node.name);
      const meant = before === undefined ? nearestName(node.name, knownDirectives) : before;
      nearest.set(node.name, meant);
      if (meant !== null && meant.length > 4) {
        const fix = node.block === null ? { fix: renderDirective(meant, wordsOf(node)) } : {};
        const message = `"${node.name}" is no directive; "${meant}" is meant, most likely`;
        yield { node, message, ...fix };
      }
    }
    if (!whole) continue;
    for (const variable of variablesIn(node.args.map(({ text }) => text).join(' '))) {
      if (known.has(variable) || /^\d+$/.test(variable) || foreignVariables.test(variable))
        continue;
      if (told.has(variable)) continue;
      const meant = nearestName(variable, known);
      if (meant === null || meant.length < 4) continue;
      told.add(variable);
      const message = `nothing sets $${variable}; $${meant} is meant, most likely`;
      yield { node, message, fix: `$${meant}` };
    }
  }
}

export const deadVars: Rule = {
  id: 'dead-vars',
  title: 'name of nothing',
  severity: 'medium',
  what:
    'A directive or a variable that does not exist and is nearly one that does, in what nginx reads: ' +
    'main file and includes.',
  why:
    'nginx does not start with it; and where the file is only included on some machines, a check that ' +
    'seems to be in force is in force nowhere.',
  mend: 'Correct the name.',
  references: ['CWE-1068'],
  cases: [
    hit(
      'a slip in a variable',
      `http {
  server {
    location / {
      proxy_set_header X-Real-IP $remote_adr; # here
      proxy_pass http://127.0.0.1:3000;
    }
  }
}
`,
    ),
    hit(
      'a slip in a directive',
      'server {\n  proxy_ssl_verfy on; # here\n  location / { proxy_pass https://a.internal; }\n}\n',
    ),
    miss(
      'variables of one kind and another',
      `http {
  map $http_x_a $b { default 1; }
  server {
    server_name ~^(?<site>.+)\\.example$;
    set $c $b;
    location ~ ^/(?<rest>.*)$ {
      return 200 "$c $rest $site $arg_x $1 $remote_addr $geoip2_country";
    }
  }
}
`,
    ),
    miss(
      'directives of other modules, and entries of maps',
      `server {
  more_set_headers "Server: x";
  pagespeed on;
  modsecurity on;
}
types { text/html html; }
`,
    ),
  ],
  check,
};
