import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Diagnostics } from './diagnostic.ts';
import type { DirectiveNode } from './node.ts';
import { parseConfiguration, type ParsedConfiguration } from './parser.ts';
import { TextSources } from './source.ts';

interface Parsed extends ParsedConfiguration {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

function parseFiles(files: Readonly<Record<string, string>>, prelude?: string): Parsed {
  const diagnostics = new Diagnostics();
  const sources = new TextSources(new Map(Object.entries(files)));
  const options = { file: '/c/main.conf', sources, diagnostics };
  const parsed = parseConfiguration(prelude === undefined ? options : { ...options, prelude });
  const shown = (severity: string): string[] =>
    diagnostics.list
      .filter((found) => found.severity === severity)
      .map(({ at, message }) => `${at === null ? '-' : `${at.line}:${at.column}`} ${message}`);
  return { ...parsed, errors: shown('error'), warnings: shown('warning') };
}

function parse(text: string): Parsed {
  return parseFiles({ '/c/main.conf': text });
}

// A tree as nested arrays of words.
type Shape = readonly [readonly string[], readonly Shape[] | null];

function shapeOf(nodes: readonly DirectiveNode[]): Shape[] {
  return nodes.map((node) => [
    [node.name, ...node.args.map((argument) => argument.text)],
    node.block === null ? null : shapeOf(node.block),
  ]);
}

test('directives and blocks become a tree with positions', () => {
  const { nodes, errors } = parse('a b;\nc d {\n  e "f";\n}\n');
  assert.deepEqual(errors, []);
  assert.deepEqual(shapeOf(nodes), [
    [['a', 'b'], null],
    [['c', 'd'], [[['e', 'f'], null]]],
  ]);
  assert.deepEqual(nodes[1]?.block?.[0]?.args[0], {
    text: 'f',
    quoted: true,
    at: { file: '/c/main.conf', line: 3, column: 5 },
  });
});

test('a byte order mark and carriage returns are passed over', () => {
  const { nodes, errors } = parse('\ufeffa b;\r\nc;\r\n');
  assert.deepEqual(errors, []);
  assert.deepEqual(shapeOf(nodes), [
    [['a', 'b'], null],
    [['c'], null],
  ]);
});

const syntaxErrors: readonly (readonly [string, readonly string[]])[] = [
  ['a;;\nb;', ['1:3 unexpected ";"']],
  ['{ a; }\nb;', ['1:1 unexpected "{"']],
  ['a;\n}\nb;', ['2:1 unexpected "}"']],
  ['x { a\n}\nb;', ['2:1 unexpected "}"']],
  ['a }\nb;', ['1:3 unexpected "}"']],
  ['x {\n a;\n', ['3:1 unexpected end of file, expecting "}"']],
  ['x {\n a', ['2:3 unexpected end of file, expecting ";" or "}"']],
  ['a b', ['1:4 unexpected end of file, expecting ";" or "}"']],
  ['a "b"c;\nb;', ['1:6 unexpected "c"']],
  ['a "b;\nb;', ['1:3 unexpected end of file, expecting ";" or "}"']],
  ['a "b;\nb "c";}', ['2:4 unexpected "c"', '2:7 unexpected "}"']],
  ['x "y {\n a;\n}\nb;', ['1:3 unexpected end of file, expecting ";" or "}"']],
  ['a;;\nb "c"d;\n}\n', ['1:3 unexpected ";"', '2:6 unexpected "d"', '3:1 unexpected "}"']],
  ['include a b;', ['1:1 invalid number of arguments in "include" directive']],
  ['include a {}', ['1:1 directive "include" is not terminated by ";"']],
  ['include none.conf;', ['1:9 open() "/c/none.conf" failed (2: No such file or directory)']],
  ['a\0;', ['1:2 unexpected NUL byte']],
];

for (const [text, expected] of syntaxErrors) {
  test(`each mistake in ${JSON.stringify(text)} is reported once, at its place`, () => {
    assert.deepEqual(parse(text).errors, expected);
  });
}

test('after a mistake the rest of the file is still read', () => {
  const { nodes } = parse('a;;\nb "c"d;\nx {\n e\n}\nf;\n');
  assert.deepEqual(shapeOf(nodes), [
    [['a'], null],
    [['x'], [[['e'], null]]],
    [['f'], null],
  ]);
});

test('blocks that are never closed keep what was read', () => {
  assert.deepEqual(shapeOf(parse('x { y { a;').nodes), [[['x'], [[['y'], [[['a'], null]]]]]]);
});

test('endless nesting is refused, not overflowed', () => {
  const { errors } = parse(`${'a {'.repeat(100_000)}${'}'.repeat(100_000)}`);
  assert.deepEqual(errors, ['1:303 blocks are nested too deeply']);
});

test('included files stand in the place of the include, relative to the main file', () => {
  const { nodes, files, errors } = parseFiles({
    '/c/main.conf': 'a; include d/*.conf; b { include /e/x; }',
    '/c/d/2.conf': 'two; include d/sub/s;',
    '/c/d/10.conf': 'ten;',
    '/c/d/.hidden.conf': 'hidden;',
    '/c/d/sub/s': 'sub;',
    '/e/x': 'x;',
  });
  assert.deepEqual(errors, []);
  assert.deepEqual(
    nodes.map((node) => node.name),
    ['a', 'ten', 'two', 'sub', 'b'],
  );
  assert.equal(nodes[3]?.at.file, '/c/d/sub/s');
  assert.deepEqual(shapeOf(nodes[4]?.block ?? []), [[['x'], null]]);
  assert.deepEqual(
    files.map((file) => file.path),
    ['/c/main.conf', '/c/d/10.conf', '/c/d/2.conf', '/c/d/sub/s', '/e/x'],
  );
});

test('a pattern without a match is no error', () => {
  assert.deepEqual(parse('include conf.d/*.conf;').errors, []);
});

test('a file may be included twice, but not by itself', () => {
  const twice = parseFiles({ '/c/main.conf': 'include x; include x;', '/c/x': 'a;' });
  assert.equal(twice.nodes.length, 2);
  assert.equal(twice.files.length, 2);
  const cycle = parseFiles({ '/c/main.conf': 'include x;', '/c/x': 'a;\ninclude ../c/main.conf;' });
  assert.deepEqual(cycle.errors, ['2:9 "include" of "/c/main.conf" never ends']);
});

test('a block must be closed in the file that opens it', () => {
  const { errors } = parseFiles({ '/c/main.conf': 'x { include y; }', '/c/y': 'a; }' });
  assert.deepEqual(errors, ['1:4 unexpected "}"']);
});

test('a main file that is missing is an error without a place', () => {
  assert.deepEqual(parseFiles({}).errors, [
    '- open() "/c/main.conf" failed (2: No such file or directory)',
  ]);
});

test('directives of the command line come first, and may be no blocks', () => {
  const { nodes } = parseFiles({ '/c/main.conf': 'b;' }, 'a 1;');
  assert.deepEqual(shapeOf(nodes), [
    [['a', '1'], null],
    [['b'], null],
  ]);
  assert.equal(nodes[0]?.at.file, 'command line');
  assert.deepEqual(parseFiles({ '/c/main.conf': '' }, 'a').errors, [
    '1:2 unexpected end of parameter, expecting ";"',
  ]);
  assert.deepEqual(parseFiles({ '/c/main.conf': '' }, 'a {}').errors, [
    '1:3 block directives are not supported in -g option',
  ]);
});

test('a file that is no UTF-8 is read with a warning', () => {
  const diagnostics = new Diagnostics();
  const sources = { read: () => Buffer.from('a;\nb \xff;', 'latin1'), glob: () => [] };
  const { nodes } = parseConfiguration({ file: '/x', sources, diagnostics });
  assert.equal(nodes[1]?.args[0]?.text, '\ufffd');
  assert.equal(diagnostics.errorCount, 0);
  assert.deepEqual(diagnostics.list[0]?.at, { file: '/x', line: 2, column: 3 });
});

const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0'));
const words = fc.array(word, { minLength: 1, maxLength: 4 }).filter(([name]) => name !== 'include');
const { tree } = fc.letrec<{ tree: Shape[]; node: Shape }>((tie) => ({
  tree: fc.array(tie('node'), { maxLength: 4 }),
  node: fc.tuple(words, fc.option<Shape[]>(tie('tree'), { depthSize: 'small' })),
}));

// Bare where that gives the same word, so that both ways of writing are tried.
function written(text: string): string {
  const bare = /^[^\s;{}"'#\\$\ufeff][^\s;{\\$]*$/.test(text);
  return bare ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function print(shapes: readonly Shape[]): string {
  return shapes
    .map(([texts, block]) => {
      const head = texts.map(written).join(' ');
      return block === null ? `${head};` : `${head} { ${print(block)} }`;
    })
    .join('\n');
}

test('a tree that is printed and parsed again is the same tree', () => {
  fc.assert(
    fc.property(tree, (shapes) => {
      const { nodes, errors } = parse(print(shapes));
      assert.deepEqual(errors, []);
      assert.deepEqual(shapeOf(nodes), shapes);
    }),
  );
});

test('no text makes the parser throw or loop', () => {
  const unit = fc.constantFrom(...'ab \n\t;{}"\'\\$#)\r', 'include', '\0', 'é', '😀', '\ud800');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
      parse(text);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      parse(text);
    }),
  );
});
