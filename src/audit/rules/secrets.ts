// `secrets`: passwords, tokens and keys in the configuration, and files of them that all may read.

import type { DirectiveNode } from '../../config/node.ts';
import { readCondition } from '../conditions.ts';
import type { AuditSeverity, RawFinding } from '../model.ts';
import { secretName } from '../redact.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';

const credentials = /^(Basic|Bearer|Token|ApiKey)\s+[^\s$]{6,}$/i;
const named = /^(proxy_set_header|grpc_set_header|fastcgi_param|uwsgi_param|scgi_param|set)$/;
const field = /^\$(?:http|arg|cookie)_(\w+)$/;

function isLiteral(text: string): boolean {
  return text.length >= 6 && !text.includes('$');
}

/** What kind of secret a directive holds; null where none. Never the secret itself. */
function secretIn(node: DirectiveNode): string | null {
  const words = node.args.map(({ text }) => text);
  if (words.some((text) => /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))) return 'a private key';
  const [first = '', second = ''] = words;
  const name = first.replace(/^\$/, '');
  if (named.test(node.name) && secretName.test(name) && isLiteral(second))
    return `the value of "${first}"`;
  if (node.name === 'env') {
    const [variable = '', ...value] = first.split('=');
    return secretName.test(variable) && isLiteral(value.join('='))
      ? `the value of "${variable}"`
      : null;
  }
  if (words.some((text) => credentials.test(text))) return 'credentials';
  return node.name === 'if' ? comparedSecret(node) : null;
}

// `if ($http_x_api_key != "…")`: the secret is the other side.
function comparedSecret(node: DirectiveNode): string | null {
  const { subject, value } = readCondition(node);
  const name = field.exec(subject)?.[1];
  return name !== undefined && secretName.test(name) && isLiteral(value)
    ? `what ${subject} is compared with`
    : null;
}

// A map from tokens to clients: its keys are the secrets.
function keysOfMap({ name, args, block }: DirectiveNode): string | null {
  const secret = field.exec(args[0]?.text ?? '')?.[1];
  if (name !== 'map' || block === null || secret === undefined || !secretName.test(secret))
    return null;
  const literal = block.some(
    (one) => !/^(default$|~|hostnames$|volatile$)/.test(one.name) && isLiteral(one.name),
  );
  return literal ? `values of ${args[0]?.text ?? ''}` : null;
}

interface SecretFile {
  readonly directive: RegExp;
  readonly what: string;
  readonly severity: AuditSeverity;
}

const secretFiles: readonly SecretFile[] = [
  { directive: /ssl_certificate_key$/, what: 'private key', severity: 'high' },
  { directive: /ssl_password_file$/, what: 'file of passwords', severity: 'high' },
  { directive: /^ssl_session_ticket_key$/, what: 'ticket key', severity: 'high' },
  { directive: /^auth_basic_user_file$/, what: 'file of users', severity: 'low' },
];

function* check(subject: AuditSubject): Iterable<RawFinding> {
  for (const { node, level } of subject.root.all()) {
    const what = secretIn(node);
    if (what !== null) {
      const severity = what === 'a private key' ? 'high' : 'medium';
      const inMap = level.kind === 'other' ? ' (in a map)' : '';
      yield { node, severity, message: `${what} stands in the configuration${inMap}`, fix: advice };
    }
    const keys = keysOfMap(node);
    if (keys !== null) yield { node, message: `${keys} stand in this map`, fix: advice };
    const file = secretFiles.find(({ directive }) => directive.test(node.name));
    const path = node.args[0]?.text ?? '';
    if (file === undefined || path === '' || /\$|^(data|engine|store):/.test(path)) continue;
    const mode = subject.fileMode(path);
    if (mode === null || (mode & 0o007) === 0) continue;
    const octal = mode.toString(8).padStart(3, '0');
    const message = `every user of the machine can open the ${file.what} "${path}" (mode ${octal})`;
    yield { node, severity: file.severity, message, fix: `chmod o= ${path}` };
  }
}

const advice = 'include /etc/nginx/secrets.conf;  # mode 600, not in version control';

export const secrets: Rule = {
  id: 'secrets',
  title: 'secrets in the open',
  severity: 'medium',
  what:
    'Literal credentials in headers, maps, parameters and comparisons, private keys inside the ' +
    'configuration, and files of keys and passwords that every user of the machine can open. Values ' +
    'are never shown in reports.',
  why:
    'Configurations are copied into repositories, tickets and images, and the secret with them; and ' +
    'whoever runs anything on the machine has the key.',
  mend: 'Keep secrets in a file of their own that only the proxy can read, and include it.',
  references: ['CWE-798', 'CWE-732', 'CWE-312', 'CIS nginx 4.1.3'],
  cases: [
    hit(
      'in a header, in a map, in a comparison',
      `map $host $auth {
  default "Basic dXNlcjpwYXNzd29yZA=="; # here
}
server {
  proxy_set_header X-Api-Key abcdef123456; # here
  location / {
    proxy_set_header Authorization "Bearer 0123456789abcdef"; # here
    proxy_pass https://app.internal;
  }
  location /hook {
    if ($http_x_auth_token != "sesame-sesame") { # here
      return 403;
    }
  }
}
`,
    ),
    hit(
      'a key that everybody can open, set above',
      `http {
  ssl_certificate_key key.pem; # here
  server { listen 443 ssl; }
}
`,
      { files: { '/key.pem': { text: '', mode: 0o644 } } },
    ),
    hit(
      'the keys of a map',
      `map $http_x_api_key $client { # here
  default "";
  k-1234567890 mobile;
}
`,
    ),
    miss(
      'handed on, cleared, or from a variable',
      `server {
  location / {
    proxy_set_header Authorization $http_authorization;
    proxy_set_header X-Api-Key "";
    proxy_set_header Cookie $http_cookie;
    if ($http_authorization = "") { return 401; }
    proxy_pass https://app.internal;
  }
}
`,
    ),
    miss('a key for the proxy alone', 'server {\n  ssl_certificate_key key.pem;\n}\n', {
      files: { '/key.pem': { text: '', mode: 0o640 } },
    }),
  ],
  check,
};
