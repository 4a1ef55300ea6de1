// Errors of the checker, with rows made up for the purpose: the language knows no directive.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration, type ForeignDirectives } from './check.ts';
import { Diagnostics } from './diagnostic.ts';
import { parseConfiguration } from './parser.ts';
import {
  blockDirective,
  directive,
  listDirective,
  rawBlockDirective,
  rawBlockListDirective,
  withoutEffect,
  type DirectiveRow,
} from './row.ts';
import type { Scope } from './scope.ts';
import { TextSources } from './source.ts';
import { custom, flag, path, text, time } from './value-types.ts';

const levels = ['http', 'server', 'location'] as const;
const help = 'For tests.';
const http = blockDirective({
  name: 'http',
  contexts: ['main'],
  args: 0,
  opens: 'http',
  once: true,
  help,
});
const server = blockDirective({
  name: 'server',
  contexts: ['http'],
  args: 0,
  opens: 'server',
  help,
});
const location = blockDirective({
  name: 'location',
  contexts: ['server', 'location'],
  args: { min: 1, max: 2 },
  opens: 'location',
  help,
});
const upstream = blockDirective({
  name: 'upstream',
  contexts: ['http'],
  args: 1,
  opens: 'upstream',
  help,
});
const buffering = directive({
  name: 'buffering',
  contexts: levels,
  args: 1,
  value: flag,
  default: true,
  help,
});
const timeout = directive({
  name: 'timeout',
  contexts: levels,
  args: 1,
  value: time,
  default: 60_000,
  help,
});
const pass = directive<string | null>({
  name: 'pass',
  contexts: ['location'],
  args: 1,
  value: text,
  default: null,
  inherits: false,
  help,
});
const header = listDirective({
  name: 'header',
  contexts: levels,
  args: 2,
  value: custom('a name and a value', (node) => node.args.map((argument) => argument.text)),
  help,
});
const peer = listDirective({ name: 'server', contexts: ['upstream'], args: 1, value: text, help });
const names = custom('words', (node) => (node.block ?? []).map((child) => child.name));
const types = rawBlockDirective<readonly string[]>({
  name: 'types',
  contexts: levels,
  args: 0,
  value: names,
  default: [],
  help,
});
const map = rawBlockListDirective({ name: 'map', contexts: ['http'], args: 2, value: names, help });
const root = directive<string>({
  name: 'root',
  contexts: levels,
  args: 1,
  value: path('prefix'),
  default: 'html',
  help,
});
const use = withoutEffect('use', ['main'], 1, 'For tests.');

const rows: readonly DirectiveRow[] = [
  http,
  server,
  location,
  upstream,
  buffering,
  timeout,
  pass,
  header,
  peer,
  types,
  map,
  root,
  use,
];

const foreign: ForeignDirectives = new Map([
  ['stream', [{ module: 'ngx_stream', contexts: ['main'], args: 'block 0', hint: 'leave it' }]],
  ['gzip', [{ module: 'ngx_gzip', contexts: ['http', 'server'], args: '1', hint: null }]],
  ['pass', [{ module: 'ngx_stream_pass', contexts: ['stream-server'], args: '1', hint: null }]],
]);

function check(source: string): { main: Scope; found: string[]; hints: (string | null)[] } {
  const diagnostics = new Diagnostics();
  const sources = new TextSources(new Map());
  const { nodes } = parseConfiguration({ file: '/c/f', text: source, sources, diagnostics });
  const folders = { prefix: '/p', configFolder: '/c' };
  const main = checkConfiguration(nodes, { rows, foreign, diagnostics, ...folders });
  return {
    main,
    found: diagnostics.list.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`),
    hints: diagnostics.list.map((diagnostic) => diagnostic.hint),
  };
}

const errors: readonly (readonly [string, string, string | null])[] = [
  ['htp {}', '1:1 unknown directive "htp"', 'did you mean "http"?'],
  ['xyzzy;', '1:1 unknown directive "xyzzy"', null],
  ['http { bufering on; }', '1:8 unknown directive "bufering"', 'did you mean "buffering"?'],
  ['gzpi on;', '1:1 unknown directive "gzpi"', 'did you mean "gzip"?'],
  [
    'buffering on;',
    '1:1 "buffering" directive is not allowed here',
    'it is allowed in: http, server, location',
  ],
  ['gzip on;', '1:1 "gzip" directive is not allowed here', 'it is allowed in: http, server'],
  [
    'pass x;',
    '1:1 "pass" directive is not allowed here',
    'it is allowed in: location, stream-server',
  ],
  ['stream { xyzzy; server {} }', '1:1 "stream" directive is not supported', 'leave it'],
  [
    'http { gzip on; }',
    '1:8 "gzip" directive is not supported',
    'not implemented (nginx: ngx_gzip); remove it only if nothing relies on it',
  ],
  ['http;', '1:1 directive "http" has no opening "{"', 'it is a block: { … }'],
  [
    'use x { a b; }',
    '1:1 directive "use" is not terminated by ";"',
    'it is no block, and ends with ";"',
  ],
  [
    'http { timeout; }',
    '1:8 invalid number of arguments in "timeout" directive',
    '"timeout" takes 1 argument: a time such as 500ms, 30s or 1h30m; here it has 0',
  ],
  [
    'http x {}',
    '1:1 invalid number of arguments in "http" directive',
    '"http" takes no arguments; here it has 1',
  ],
  [
    'http { header a; }',
    '1:8 invalid number of arguments in "header" directive',
    '"header" takes 2 arguments; here it has 1',
  ],
  [
    'http { server { location { xyzzy; } } }',
    '1:17 invalid number of arguments in "location" directive',
    '"location" takes 1 to 2 arguments; here it has 0',
  ],
  [
    'http {\n timeout 1;\n timeout 2;\n}',
    '3:2 "timeout" directive is duplicate',
    'the first one is in /c/f:2:2',
  ],
  ['http {} http {}', '1:9 "http" directive is duplicate', 'the first one is in /c/f:1:1'],
  [
    'http { types {} types {} }',
    '1:17 "types" directive is duplicate',
    'the first one is in /c/f:1:8',
  ],
  ['http { types { a { b; } } }', '1:16 unexpected "{"', '"types" has no blocks inside'],
  [
    'http { timeout 1z; }',
    '1:16 "timeout" directive invalid value',
    'expected a time such as 500ms, 30s or 1h30m',
  ],
];

for (const [source, expected, hint] of errors) {
  test(`${JSON.stringify(source)} gives one error with its hint`, () => {
    const { found, hints } = check(source);
    assert.deepEqual(found, [expected]);
    assert.deepEqual(hints, [hint]);
  });
}

test('all errors of a run are reported together', () => {
  const { found } = check('http { timeout 1z; server { x; location / { pass; } } } y;');
  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['1:16', '1:29', '1:45', '1:57'],
  );
});

test('a missing semicolon is reported once, and both directives are checked', () => {
  const { main, found, hints } = check('http {\n timeout 5s\n buffering maybe;\n}');
  assert.deepEqual(found, [
    '2:2 invalid number of arguments in "timeout" directive',
    '3:12 invalid value "maybe" in "buffering" directive, it must be "on" or "off"',
  ]);
  assert.equal(hints[0], '";" is missing at the end of line 2');
  assert.equal(main.blocks(http)[0]?.get(timeout), 5000);
});

test('a missing semicolon before a block is found too', () => {
  const { main, found } = check('http {\n server {\n timeout 1\n location / {\n pass x;\n}\n}\n}');
  assert.deepEqual(found, ['3:2 directive "timeout" is not terminated by ";"']);
  const [child] = main.blocks(http)[0]?.blocks(server)[0]?.blocks(location) ?? [];
  assert.equal(child?.get(pass), 'x');
});

test('a value with an error counts as not set, but a second one is still a duplicate', () => {
  const { main, found } = check('http { timeout x; timeout 5; }');
  assert.equal(main.blocks(http)[0]?.get(timeout), 60_000);
  assert.equal(found[1], '1:19 "timeout" directive is duplicate');
});

test('values are inherited from the nearest level that has one', () => {
  const { main } = check(
    'http { timeout 1; server { location / { timeout 3; location /a {} } location /b {} } }',
  );
  const [child] = main.blocks(http)[0]?.blocks(server) ?? [];
  const [first, second] = child?.blocks(location) ?? [];
  assert.equal(first?.get(timeout), 3000);
  assert.equal(first?.blocks(location)[0]?.get(timeout), 3000);
  assert.equal(first?.blocks(location)[0]?.own(timeout), null);
  assert.equal(second?.get(timeout), 1000);
  assert.equal(second?.at(timeout)?.column, 8);
  assert.equal(second?.get(buffering), true);
  assert.equal(second?.at(buffering), null);
});

test('a row that does not inherit is looked for at its own level alone', () => {
  const { main } = check('http { server { location / { pass x; location /a {} } } }');
  const [outer] = main.blocks(http)[0]?.blocks(server)[0]?.blocks(location) ?? [];
  assert.equal(outer?.get(pass), 'x');
  assert.equal(outer?.blocks(location)[0]?.get(pass), null);
});

test('lists gather at one level, and a lower level replaces the whole list', () => {
  const { main } = check('http { header a 1; header b 2; server { header c 3; } server {} }');
  const [first, second] = main.blocks(http)[0]?.blocks(server) ?? [];
  assert.deepEqual(first?.get(header), [['c', '3']]);
  assert.deepEqual(second?.get(header), [
    ['a', '1'],
    ['b', '2'],
  ]);
  assert.deepEqual(
    second?.nodes(header).map((node) => node.at.column),
    [8, 20],
  );
  assert.equal(second?.at(header)?.column, 20);
  assert.deepEqual(main.get(header), []);
});

test('one name means different rows in different contexts', () => {
  const { main } = check('http { upstream u { server a; server b; } server { timeout 1; } }');
  const [scope] = main.blocks(http);
  assert.deepEqual(scope?.blocks(upstream)[0]?.get(peer), ['a', 'b']);
  assert.equal(scope?.blocks(upstream)[0]?.node?.args[0]?.text, 'u');
  assert.equal(scope?.blocks(server)[0]?.get(timeout), 1000);
});

test('a block that is read whole is given to its type, several of them as a list', () => {
  const { main, found } = check('http { types { a b; "c" d; } map a b { x y; } map c d { z 1; } }');
  assert.deepEqual(found, []);
  const [scope] = main.blocks(http);
  assert.deepEqual(scope?.get(types), ['a', 'c']);
  assert.deepEqual(scope?.get(map), [['x'], ['z']]);
});

test('paths are made absolute', () => {
  const { main } = check('http { root www; server { root /srv; } }');
  const [scope] = main.blocks(http);
  assert.equal(scope?.get(root), '/p/www');
  assert.equal(scope?.blocks(server)[0]?.get(root), '/srv');
});

test('what stands at a level can be listed, directives without effect included', () => {
  const { main } = check('use a; use b; http {}');
  const listed = [...main.entries()].map(([row, entry]) => [row.name, entry.nodes.length]);
  assert.deepEqual(listed, [
    ['use', 2],
    ['http', 1],
  ]);
});

test('two rows for one name in one context are a defect', () => {
  const diagnostics = new Diagnostics();
  const folders = { prefix: '/p', configFolder: '/c' };
  const doubled = [...rows, withoutEffect('timeout', ['server'], 1, 'For tests.')];
  assert.throws(() => checkConfiguration([], { rows: doubled, foreign, diagnostics, ...folders }), {
    code: 'INTERNAL',
  });
});
