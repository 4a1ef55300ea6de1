// `weak-proto`: old versions of TLS and weak ciphers, to clients and to upstream servers.

import type { DirectiveNode } from '../../config/node.ts';
import { sslDirective } from '../hops.ts';
import type { AuditSeverity, Edit, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { tlsOf } from '../servers.ts';
import type { Level } from '../tree.ts';

const rests = ['protocols', 'ciphers', 'conf_command'] as const;

// The directives that hold somewhere, each with the side that it is for.
function* inEffect({ hops, root }: AuditSubject): Iterable<readonly [DirectiveNode, Side]> {
  for (const level of root.walk()) {
    if (level.kind !== 'server' || tlsOf(level) === 'none') continue;
    for (const rest of rests) yield* last(level, `ssl_${rest}`, 'clients');
  }
  for (const hop of hops) {
    if (hop.scheme === 'http') continue;
    for (const rest of rests) yield* last(hop.level, sslDirective(hop.kind, rest), 'upstreams');
  }
}

type Side = 'clients' | 'upstreams';

function* last(level: Level, name: string, side: Side): Iterable<readonly [DirectiveNode, Side]> {
  const all = level.effective(name);
  const nodes = name.endsWith('conf_command') ? all : all.slice(-1);
  for (const node of nodes) yield [node, side];
}

const old = /^(SSLv2|SSLv3|TLSv1|TLSv1\.1)$/i;

function* check(subject: AuditSubject): Iterable<RawFinding> {
  for (const [node, side] of inEffect(subject)) {
    const words = node.args.map(({ text }) => text);
    if (node.name.endsWith('protocols')) yield* protocolFindings(node, words, side);
    else if (node.name.endsWith('ciphers')) yield* cipherFindings(node, words.join(':'));
    else yield* commandFindings(node, words);
  }
}

function* protocolFindings(
  node: DirectiveNode,
  words: readonly string[],
  side: Side,
): Iterable<RawFinding> {
  const weak = words.filter((word) => old.test(word));
  if (weak.length === 0) return;
  const rest = words.filter((word) => !old.test(word));
  const severity: AuditSeverity = weak.some((word) => /^ssl/i.test(word)) ? 'high' : 'medium';
  const line = `${node.name} ${rest.length === 0 ? 'TLSv1.2 TLSv1.3' : rest.join(' ')};`;
  // An upstream that speaks nothing newer has to be changed first.
  const edits: readonly Edit[] = [{ kind: 'replace', node, line }];
  yield {
    node,
    severity,
    message: `${weak.join(', ')} to ${side === 'clients' ? 'clients' : 'upstream servers'}`,
    fix: line,
    ...(rest.length === 0 && side === 'upstreams' ? {} : { edits }),
  };
}

/** Weak classes, what names them in a list of ciphers, and what takes them out again. */
const weakCiphers = [
  {
    name: 'ciphers without authentication',
    on: /^(aNULL|ADH|AECDH|COMPLEMENTOFALL)$/i,
    off: /^(aNULL|ADH|AECDH)$/i,
  },
  { name: 'ciphers without encryption', on: /^(eNULL|NULL)$|(^|-)NULL-/i, off: /^e?NULL$/i },
  { name: 'export ciphers', on: /^EXP/i, off: /^EXP(ORT)?$/i },
  { name: 'RC4', on: /(^|-)RC4(-|$)/i, off: /^RC4$/i },
  { name: 'DES', on: /^(DES|LOW|DES-CBC-.*)$/i, off: /^(DES|LOW)$/i },
  { name: 'triple DES', on: /3DES|DES-CBC3/i, off: /^3DES$|DES-CBC3/i },
  { name: 'MD5', on: /(^|-)MD5$/i, off: /^MD5$/i },
];

function* cipherFindings(node: DirectiveNode, list: string): Iterable<RawFinding> {
  const words = list.split(/[:, ]+/).filter((word) => word !== '');
  const excluded = words.filter((word) => /^[!-]/.test(word)).map((word) => word.slice(1));
  const chosen = words.filter((word) => /^[\w]/.test(word));
  const weak = weakCiphers
    .filter(
      ({ on, off }) => chosen.some((one) => on.test(one)) && !excluded.some((one) => off.test(one)),
    )
    .map(({ name }) => name);
  if (words.some((word) => /@SECLEVEL=0$/i.test(word))) weak.push('security level 0');
  if (weak.length === 0) return;
  yield {
    node,
    message: `weak: ${weak.join(', ')}`,
    fix: `${node.name} HIGH:!aNULL:!MD5:!3DES;`,
  };
}

function* commandFindings(node: DirectiveNode, words: readonly string[]): Iterable<RawFinding> {
  const [command = '', value = ''] = words;
  if (/^(MinProtocol)$/i.test(command) && old.test(value)) {
    const fix = `${node.name} ${command} TLSv1.2;`;
    yield { node, message: `${value} is let in by MinProtocol`, fix };
  }
  if (/^CipherString$/i.test(command)) yield* cipherFindings(node, value);
}

export const weakProto: Rule = {
  id: 'weak-proto',
  title: 'old TLS or weak ciphers',
  severity: 'medium',
  what:
    'SSLv3, TLSv1, TLSv1.1, or ciphers without authentication, without encryption, of export strength, ' +
    'with RC4, DES, 3DES or MD5, or @SECLEVEL=0: to clients (ssl_protocols, ssl_ciphers) and to ' +
    'upstream servers (proxy_ssl_protocols, proxy_ssl_ciphers), where it is in effect.',
  why:
    'These versions and ciphers are broken or about to be, and a peer in the middle can lead both ' +
    'sides to them. aNULL means no certificate at all, which undoes verification.',
  mend: 'TLSv1.2 and TLSv1.3, with the default ciphers.',
  references: [
    'RFC 8996',
    'RFC 7465',
    'CIS nginx 4.1.4',
    'CIS nginx 4.1.5',
    'CWE-327',
    'gixy weak_ssl_tls',
  ],
  cases: [
    hit(
      'to clients and to an upstream',
      `http {
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2; # here
  server {
    listen 443 ssl;
    location / {
      proxy_ssl_protocols TLSv1; # here
      proxy_pass https://old.internal;
    }
  }
}
`,
    ),
    hit(
      'ciphers',
      `server {
  listen 443 ssl;
  ssl_ciphers ALL:aNULL:!MD5; # here
  proxy_ssl_ciphers DEFAULT@SECLEVEL=0; # here
  location / { proxy_pass https://old.internal; }
}
`,
    ),
    miss(
      'replaced below, where it matters',
      `http {
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
  server {
    listen 443 ssl;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:HIGH:!aNULL:!MD5:!3DES:!RC4;
  }
  server { listen 80; }
}
`,
    ),
    miss(
      'no TLS there',
      `server {
  listen 80;
  proxy_ssl_protocols TLSv1;
  location / { proxy_pass http://127.0.0.1:3000; }
}
`,
    ),
  ],
  check,
};
