// The configuration language: any text gives a tree or errors that point into it; a tree that was
// read without errors reads the same when written again.

import assert from 'node:assert/strict';
import { checkConfiguration } from '../../../src/config/check.ts';
import { Diagnostics, formatDiagnostic } from '../../../src/config/diagnostic.ts';
import { Lexer } from '../../../src/config/lexer.ts';
import type { DirectiveNode } from '../../../src/config/node.ts';
import { parseConfiguration } from '../../../src/config/parser.ts';
import { TextSources } from '../../../src/config/source.ts';
import { directiveRows } from '../../../src/modules/index.ts';
import { foreignDirectives } from '../../../src/modules/nginx-directives.ts';
import type { FuzzTarget } from '../target.ts';

const file = '/c/main.conf';
const included = 'b c;\nd { e "f g"; }\n';
const longestArgument = 2000;

const sources = new TextSources(
  new Map([
    ['/c/part.conf', included],
    ['/c/conf.d/a.conf', 'a 1;'],
    ['/c/conf.d/loop.conf', 'include conf.d/loop.conf;'],
    ['/c/conf.d/broken.conf', 'x { "'],
  ]),
);

const seeds: readonly string[] = [
  'a b;\nc d { e "f"; }\n',
  '# comment\nserver { listen 80; location ~ "^/a{2}" { return 200 \'x\\n$uri${arg_a}\'; } }\n',
  'include part.conf; include conf.d/*.conf; x \\"y\\";\n',
  'http { upstream u { server 127.0.0.1:80 weight=2; keepalive 4; }\n' +
    '  server { server_name a.test *.b.test ~^(?<n>c+)$; location / { proxy_pass http://u; } } }\n',
  'a { b { c { } } }\n"quoted" \'and this\' {}',
  'events {} http { client_max_body_size 1m; send_timeout 10s; log_format l \'$uri "$status"\';' +
    ' map $host $x { default 0; ~^a 1; } server { if ($x = 1) { return 301 /; } } }',
];

const words: readonly string[] = [
  ...[';', '{', '}', ' {', '"', "'", '\\', '\\"', '${', '#', '\n', '\r\n', '\t', '$', ';}', '{}'],
  ...['include part.conf;', 'include conf.d/*.conf;', 'http {', 'server {', 'location / {', 'if ('],
  ...[
    '1k',
    '1m',
    '30s',
    '1d 2h',
    'on',
    'off',
    '$uri',
    '~* ',
    '127.0.0.1:80',
    'unix:/a',
    '[::1]:80',
  ],
];

function parse(text: string, diagnostics: Diagnostics): readonly DirectiveNode[] {
  return parseConfiguration({ file, text, sources, diagnostics }).nodes;
}

// A tree as nested arrays of words.
type Shape = readonly [readonly string[], readonly Shape[] | null];

function shapeOf(nodes: readonly DirectiveNode[]): Shape[] {
  return nodes.map((node) => [
    [node.name, ...node.args.map(({ text }) => text)],
    node.block === null ? null : shapeOf(node.block),
  ]);
}

function written(nodes: readonly Shape[]): string {
  return nodes
    .map(([line, block]) => {
      const quoted = line.map((word) => `"${word.replace(/[\\"]/g, '\\$&')}"`).join(' ');
      return block === null ? `${quoted};\n` : `${quoted} {\n${written(block)}}\n`;
    })
    .join('');
}

function longestWord(nodes: readonly Shape[]): number {
  return Math.max(
    0,
    ...nodes.map(([line, block]) =>
      Math.max(...line.map((word) => word.length), longestWord(block ?? [])),
    ),
  );
}

function checkPlaces(diagnostics: Diagnostics, text: string): void {
  const lines = text.split('\n');
  for (const one of diagnostics.list) {
    assert.match(formatDiagnostic(one), /^[^\0-\x08\x0b-\x1f\x7f]*$/, 'shown without controls');
    if (one.at === null || one.at.file !== file) continue;
    const line = lines[one.at.line - 1];
    assert.ok(line !== undefined, 'the line is there');
    assert.ok(one.at.column >= 1 && one.at.column <= Array.from(line).length + 2, 'and the column');
  }
}

function checkTokens(text: string): void {
  const lexer = new Lexer(file, text);
  for (let count = 0; ; count += 1) {
    assert.ok(count <= text.length, 'the lexer comes to an end');
    const token = lexer.next();
    assert.ok(lexer.index <= text.length);
    if (token.kind === 'end') return;
  }
}

const language: FuzzTarget = {
  name: 'configuration',
  code: ['config/lexer.ts', 'config/parser.ts', 'config/statement-parser.ts', 'config/include.ts'],
  seeds,
  words,
  maxBytes: 4096,
  run(input) {
    const text = input.toString('utf8');
    checkTokens(text);
    const diagnostics = new Diagnostics();
    const shape = shapeOf(parse(text, diagnostics));
    checkPlaces(diagnostics, text);
    if (diagnostics.errorCount > 0 || longestWord(shape) > longestArgument) return;
    const again = new Diagnostics();
    assert.deepEqual(shapeOf(parse(written(shape), again)), shape);
    assert.equal(again.errorCount, 0);
  },
};

const values: FuzzTarget = {
  name: 'directives',
  code: ['config/', 'base/size.ts', 'base/duration.ts', 'base/address.ts', 'modules/row-shapes.ts'],
  seeds,
  words: [...words, ...directiveRows.map(({ name }) => `${name} `)],
  maxBytes: 2048,
  // An unknown name is compared with all known ones.
  workPerByte: 500_000,
  run(input) {
    const text = input.toString('utf8');
    const diagnostics = new Diagnostics();
    diagnostics.attachSource(file, text);
    const nodes = parse(text, diagnostics);
    const options = { rows: directiveRows, foreign: foreignDirectives, diagnostics };
    checkConfiguration(nodes, { ...options, prefix: '/c', configFolder: '/c' });
    checkPlaces(diagnostics, text);
  },
};

export const configurationTargets: readonly FuzzTarget[] = [language, values];
