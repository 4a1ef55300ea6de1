// `--fix` writes what it writes where a person would, and leaves everything else as it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, type AuditReport } from './audit.ts';
import { fixFindings, type Fixes } from './fix.ts';
import type { Edit } from './model.ts';
import type { Rule } from './rule.ts';
import { readTextSource, type AuditSource } from './sources.ts';
import type { Placed } from './tree.ts';

const file = '/nginx.conf';

/** A rule that asks for the same edits at each directive with a name. */
function rule(id: string, name: string, edits: (placed: Placed) => readonly Edit[]): Rule {
  const check: Rule['check'] = ({ root }) =>
    root
      .find(name)
      .map((placed) => ({ node: placed.node, message: id, edits: edits(placed) }))
      .filter((finding) => finding.edits.length > 0);
  const texts = { title: id, what: id, why: id, mend: id, references: [], cases: [] };
  return { id, severity: 'high', ...texts, check };
}

/** Asks for lines after each directive with that name, where its level has none of the first. */
function linesAfter(name: string, ...lines: string[]): Rule {
  return rule('after', name, ({ level, node }) =>
    level.own(lines[0]?.split(' ')[0] ?? '').length > 0
      ? []
      : [{ kind: 'insert-after', node, lines }],
  );
}

function inMemory(text: string): AuditSource {
  const withTexts: NonNullable<AuditSource['withTexts']> = (texts) =>
    inMemory(texts.get(file) ?? '');
  return { ...readTextSource(text, 'nginx.conf'), withTexts };
}

function mend(text: string, ...rules: Rule[]): Fixes {
  const run = (source: AuditSource): AuditReport => audit(source, { dialect: 'nginx', rules });
  const fixes = fixFindings(run(inMemory(text)), run);
  assert.ok(fixes !== null);
  return fixes;
}

function mended(text: string, ...rules: Rule[]): string {
  return mend(text, ...rules).files[0]?.after ?? text;
}

const verify = linesAfter('proxy_pass', 'proxy_ssl_verify on;', 'proxy_ssl_verify_depth 4;');

test('a directive with a line of its own gets lines of their own, with its indentation', () => {
  assert.equal(
    mended('location / {\n\tproxy_pass https://a; # keep\n\troot x;\n}\n', verify),
    'location / {\n\tproxy_pass https://a; # keep\n\tproxy_ssl_verify on;\n' +
      '\tproxy_ssl_verify_depth 4;\n\troot x;\n}\n',
  );
});

test('line feeds stay what they are, and the last line needs none', () => {
  assert.equal(
    mended('location / {\r\n  proxy_pass https://a;\r\n}', verify),
    'location / {\r\n  proxy_pass https://a;\r\n  proxy_ssl_verify on;\r\n' +
      '  proxy_ssl_verify_depth 4;\r\n}',
  );
  assert.equal(
    mended('proxy_pass https://a;', linesAfter('proxy_pass', 'proxy_ssl_verify on;')),
    'proxy_pass https://a;\nproxy_ssl_verify on;',
  );
});

test('a block of one line stays one', () => {
  assert.equal(
    mended('location / { proxy_pass https://é😀; } # x', verify),
    'location / { proxy_pass https://é😀; proxy_ssl_verify on; proxy_ssl_verify_depth 4; } # x',
  );
});

test('a directive over several lines ends where its semicolon is', () => {
  assert.equal(
    mended('location / {\n  proxy_pass "https://a;b"\n    ; # ; here\n}\n', verify),
    'location / {\n  proxy_pass "https://a;b"\n    ; # ; here\n  proxy_ssl_verify on;\n' +
      '  proxy_ssl_verify_depth 4;\n}\n',
  );
});

test('what is put into a block is its first, with the indentation of the next', () => {
  const into = rule('into', 'server', ({ level, node }) =>
    level.children.some((child) => child.own('server_tokens').length > 0)
      ? []
      : [{ kind: 'insert-into', node, lines: ['server_tokens off;'] }],
  );
  assert.equal(
    mended('server { # all\n\n   listen 80;\n}\n', into),
    'server { # all\n   server_tokens off;\n\n   listen 80;\n}\n',
  );
  assert.equal(mended('  server {\n  }\n', into), '  server {\n      server_tokens off;\n  }\n');
  assert.equal(mended('server {listen 80;}', into), 'server { server_tokens off; listen 80;}');
  assert.equal(mended('server {}', into), 'server { server_tokens off; }');
});

test('a directive is replaced or removed as a whole, and comments stay', () => {
  const replace = rule('replace', 'ssl_protocols', ({ node }) =>
    node.args.some(({ text }) => text === 'TLSv1')
      ? [{ kind: 'replace', node, line: 'ssl_protocols TLSv1.2;' }]
      : [],
  );
  const remove = rule('remove', 'old', ({ node }) => [{ kind: 'replace', node, line: null }]);
  assert.equal(
    mended('  ssl_protocols TLSv1\n    TLSv1.1;# x\n', replace),
    '  ssl_protocols TLSv1.2;# x\n',
  );
  assert.equal(mended('a 1;\n  old a\n b;\nb 2;\n', remove), 'a 1;\nb 2;\n');
  assert.equal(mended('a 1;\n  old a; # why\nb 2;\n', remove), 'a 1;\n  # why\nb 2;\n');
  assert.equal(mended('s { a 1; old a; b 2; }', remove), 's { a 1; b 2; }');
  assert.equal(mended('s { old { x { y; } } b 2; }', remove), 's { b 2; }');
  const { files, left } = mend('ssl_protocols TLSv1 # because\n TLSv1.1;\n', replace);
  assert.deepEqual(files, []);
  assert.deepEqual(
    left.map(({ why }) => why),
    ['there is a comment within the directive'],
  );
});

test('what two findings ask for is written once', () => {
  const again = { ...verify, id: 'again' };
  const text = 'location / {\n  proxy_pass https://a;\n}\n';
  assert.equal(mended(text, verify, again), mended(text, verify));
});

test('of two findings that contradict each other the first is mended, the other one left', () => {
  const depth = { ...linesAfter('proxy_pass', 'proxy_ssl_verify_depth 2;'), id: 'depth' };
  const { files, left } = mend('location / { proxy_pass https://a; }', verify, depth);
  assert.match(files[0]?.after ?? '', /proxy_ssl_verify_depth 4; \}$/);
  // Once the first is mended, its rule sees what is there.
  assert.deepEqual(left, []);
  const other = rule('other', 'proxy_pass', ({ node }) => [
    { kind: 'insert-after', node, lines: ['proxy_ssl_verify off;'] },
  ]);
  const both = mend('location / { proxy_pass https://a; }', verify, other);
  assert.match(both.files[0]?.after ?? '', /proxy_pass https:\/\/a; proxy_ssl_verify on; .*4; \}$/);
  assert.deepEqual(
    both.left.map(({ why }) => why),
    ['"proxy_ssl_verify" is there already'],
  );
});

test('a finding that is taken back is not mended', () => {
  const text =
    'location / {\n  # sallyport-audit ignore after: the box is replaced in March\n' +
    '  proxy_pass https://a;\n}\n';
  assert.deepEqual(mend(text, verify).files, []);
});

test('Lua with its own braces and comment signs is passed over', () => {
  const lua = 'content_by_lua_block { x = "}" -- } # {\n  y = #t }';
  assert.equal(
    mended(`location /a { ${lua} }\nlocation / { proxy_pass https://a; }\n`, verify),
    `location /a { ${lua} }\nlocation / { proxy_pass https://a; proxy_ssl_verify on; ` +
      'proxy_ssl_verify_depth 4; }\n',
  );
});

test('a dump and standard input have no files to mend', () => {
  const report = audit(readTextSource('location / { proxy_pass https://a; }', '-'), {
    rules: [verify],
  });
  assert.equal(report.findings.length, 1);
  assert.equal(
    fixFindings(report, () => report),
    null,
  );
});
