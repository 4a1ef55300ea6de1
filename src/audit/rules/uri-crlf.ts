// `uri-crlf`: decoded text of a path where line breaks end a header or a request line.

import type { DirectiveNode } from '../../config/node.ts';
import type { Edit, RawFinding } from '../model.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import type { Level } from '../tree.ts';
import { expansions } from '../variables.ts';

/** Directives with an argument that goes into a head, and which one. */
const heads: readonly { readonly name: string; readonly at: number }[] = [
  { name: 'proxy_pass', at: 0 },
  { name: 'proxy_set_header', at: 1 },
  { name: 'grpc_set_header', at: 1 },
  { name: 'add_header', at: 1 },
  { name: 'add_trailer', at: 1 },
  { name: 'proxy_method', at: 0 },
  { name: 'proxy_cookie_path', at: 1 },
];

function* texts({ root }: AuditSubject): Iterable<Place> {
  for (const { name, at } of heads) {
    for (const { node, level } of root.find(name)) yield { node, level, at };
  }
  for (const { node, level } of root.find('return')) {
    const [first, second] = node.args.map(({ text }) => text);
    if (second === undefined && /^(https?:|\$scheme)/.test(first ?? ''))
      yield { node, level, at: 0 };
    if (second !== undefined && /^30[12378]$/.test(first ?? '')) yield { node, level, at: 1 };
  }
  for (const { node, level } of root.find('rewrite')) {
    const [, text = '', flag = ''] = node.args.map((one) => one.text);
    const redirects = /^(redirect|permanent)$/.test(flag) || /^(https?:|\$scheme)/.test(text);
    // What a rewrite catches itself is encoded again; variables are not.
    if (redirects && /\$\{?(document_)?uri\b/.test(text)) yield { node, level, at: 1 };
  }
}

interface Place {
  readonly node: DirectiveNode;
  readonly level: Level;
  readonly at: number;
}

function* check(subject: AuditSubject): Iterable<RawFinding> {
  for (const { node, level, at } of texts(subject)) {
    if (level.around('stream') !== null) continue;
    const text = node.args[at]?.text ?? '';
    const become =
      node.name === 'proxy_pass' ? expansions(subject.definitions, level, text) : [text];
    const flow = become
      .flatMap((one) => subject.taint.flowsOf(one, level))
      .find(({ chars }) => chars.has('\n'));
    if (flow === undefined) continue;
    const plain = node.name === 'rewrite' ? null : encoded(text);
    const line = plain === null ? null : renderDirective(node.name, replaced(node, at, plain));
    yield {
      node,
      severity: subject.dialect === 'sallyport' ? 'low' : 'high',
      message: `${flow.from} is decoded here, and a line break in it ("%0a") ends the head`,
      ...(line === null ? {} : { fix: line, edits: editsOf(node, line) }),
    };
  }
}

function replaced(node: DirectiveNode, at: number, text: string): readonly string[] {
  return node.args.map((arg, i) => (i === at ? text : arg.text));
}

function editsOf(node: DirectiveNode, line: string): readonly Edit[] {
  return [{ kind: 'replace', node, line }];
}

// The same with `$request_uri`, where the path stands at the end, with or without its query.
function encoded(text: string): string | null {
  const next = text.replace(
    /\$(?:\{(?:document_)?uri\}|(?:document_)?uri\b)(\$is_args\$(args|query_string)|\?\$(args|query_string))?$/,
    '$request_uri',
  );
  return next === text || /\$\{?(document_)?uri\b|\$\{?\d/.test(next) ? null : next;
}

export const uriCrlf: Rule = {
  id: 'uri-crlf',
  title: 'line breaks in a head by way of the path',
  severity: 'high',
  what:
    '$uri, $document_uri, or what an expression caught of a path, in proxy_pass, proxy_set_header, ' +
    'add_header, or the target of a redirect. Groups that cannot hold a line break are left alone.',
  why:
    'nginx decodes paths: "%0d%0a" in a URL becomes a line break, and the client writes headers of the ' +
    'answer, or whole requests to the upstream.',
  mend: 'Use $request_uri, or catch with a class that has no line break: ([^\\s]+) in the place of ([^/]+).',
  references: ['CWE-113', 'CWE-93', 'gixy http_splitting'],
  cases: [
    hit(
      'in a redirect, in a header, in a URL to the upstream',
      `server {
  location /a { return 301 https://example.com$uri; } # here
  location /b { add_header X-Path $uri; } # here
  location /c { proxy_pass http://127.0.0.1:3000$uri$is_args$args; } # here
  location ~ ^/d/([^/]+)/x$ { return 302 /e/$1; } # here
}
`,
    ),
    hit(
      'through a variable, set above',
      `server {
  set $path $document_uri;
  proxy_set_header X-Original-Path $path; # here
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'as the client sent it, or without line breaks',
      `server {
  proxy_set_header X-Original-URI $request_uri;
  location /a { return 301 https://example.com$request_uri; }
  location ~ ^/d/([\\w-]+)/x$ { return 302 /e/$1; }
  location ~ ^/e/(.*)$ { proxy_pass http://127.0.0.1:3000/f/$1; }
  location /g { proxy_set_header X-Arg $arg_x; proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
    miss(
      'a text in a body, a file, a rewrite inside',
      `server {
  location /a { return 200 "you asked for $uri"; }
  location / { try_files $uri $uri/ /index.html; rewrite ^/old/(.*)$ /new/$1 last; }
  location /r { rewrite ^/r/(.*)$ https://example.com/$1 permanent; }
}
`,
    ),
  ],
  check,
};
