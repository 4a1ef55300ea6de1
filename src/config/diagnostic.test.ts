import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics, formatDiagnostic } from './diagnostic.ts';

function formatted(text: string, place: { line: number; column: number }, hint?: string): string {
  const diagnostics = new Diagnostics();
  diagnostics.attachSource('/etc/x/nginx.conf', text);
  diagnostics.error({ file: '/etc/x/nginx.conf', ...place }, 'wrong', hint);
  const [found] = diagnostics.list;
  assert.ok(found !== undefined);
  return formatDiagnostic(found);
}

test('the line is shown with the word marked, then the hint', () => {
  assert.equal(
    formatted('http {\n\tproxy_pas http://b;\n}', { line: 2, column: 2 }, 'did you mean "x"?'),
    [
      'sallyport: [emerg] wrong in /etc/x/nginx.conf:2:2',
      '     2 | \tproxy_pas http://b;',
      '       | \t^^^^^^^^^',
      '      did you mean "x"?',
    ].join('\n'),
  );
});

test('a quoted word is marked whole, and carriage returns are left out', () => {
  const lines = formatted('a "b c";\r\n', { line: 1, column: 3 }).split('\n');
  assert.deepEqual(lines.slice(1), ['     1 | a "b c";', '       |   ^^^^^']);
});

test('an empty line is not shown', () => {
  assert.equal(
    formatted('a {\n', { line: 2, column: 1 }),
    'sallyport: [emerg] wrong in /etc/x/nginx.conf:2:1',
  );
});

test('a long line is cut around the place', () => {
  const [, line, carets] = formatted(`${'a '.repeat(500)}here${' b'.repeat(500)}`, {
    line: 1,
    column: 1001,
  }).split('\n');
  assert.equal(line?.length, 9 + 160);
  assert.equal(line?.indexOf('here'), carets?.indexOf('^^^^'));
});

test('control characters never reach the terminal', () => {
  const shown = formatted('a \u001b[31m;', { line: 1, column: 3 }, 'not "\u0007"');
  assert.match(shown, /a \\x1b\[31m;/);
  assert.match(shown, /not "\\x07"/);
});

test('warnings count as no errors, and a finding may be without a place', () => {
  const diagnostics = new Diagnostics();
  diagnostics.warn(null, 'careful');
  assert.equal(diagnostics.errorCount, 0);
  const [warning] = diagnostics.list;
  assert.ok(warning !== undefined);
  assert.equal(formatDiagnostic(warning), 'sallyport: [warn] careful');
  assert.equal(formatDiagnostic(warning, 'notice'), 'sallyport: [notice] careful');
});

test('the command line has no line numbers, as in nginx', () => {
  const diagnostics = new Diagnostics();
  diagnostics.error({ file: 'command line', line: 1, column: 4 }, 'wrong');
  const [found] = diagnostics.list;
  assert.ok(found !== undefined);
  assert.equal(formatDiagnostic(found), 'sallyport: [emerg] wrong in command line');
});
