import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lexer, type Token } from './lexer.ts';

function tokens(text: string): Token[] {
  const lexer = new Lexer('f', text);
  const found: Token[] = [];
  for (;;) {
    const token = lexer.next();
    if (token.kind === 'end') return found;
    found.push(token);
  }
}

// Words by their text, quoted ones in «», signs as they are, problems by message and place.
function shown(text: string): string[] {
  return tokens(text).map((token) => {
    if (token.kind === 'word') return token.quoted ? `«${token.text}»` : token.text;
    if (token.kind !== 'problem') return token.kind;
    return `!${token.message} @${token.at.line}:${token.at.column}`;
  });
}

test('words end at blanks, semicolons and opening braces, but not at closing ones', () => {
  assert.deepEqual(shown('a b;c{d}e}'), ['a', 'b', ';', 'c', '{', 'd}e}']);
  assert.deepEqual(shown('a\tb\r\nc ;}'), ['a', 'b', 'c', ';', '}']);
});

test('a comment starts only where a word may start', () => {
  assert.deepEqual(shown('a#b # c ; d\n;'), ['a#b', ';']);
  assert.deepEqual(shown('#x\n#y'), []);
});

test('a quote starts only where a word may start', () => {
  assert.deepEqual(shown(`a"b 'c d' "e 'f'" 'g "h"';`), [
    'a"b',
    '«c d»',
    `«e 'f'»`,
    '«g "h"»',
    ';',
  ]);
});

test('known escapes are resolved, others keep their backslash', () => {
  assert.deepEqual(shown(String.raw`"\"\'\\\t\r\n\d\."`), ['«"\'\\\t\r\n\\d\\.»']);
  assert.deepEqual(shown(String.raw`a\ b\;c\{d;`), [String.raw`a\ b\;c\{d`, ';']);
  assert.deepEqual(shown(String.raw`\\n;`), [String.raw`\n`, ';']);
});

test('a brace after a dollar sign opens no block', () => {
  assert.deepEqual(shown('${a}b$c{'), ['${a}b$c', '{']);
  assert.deepEqual(shown('a$ {'), ['a$', '{']);
});

test('after a closing quote a bracket may follow, and is a word of its own', () => {
  assert.deepEqual(shown('"a"){'), ['«a»', ')', '{']);
  assert.deepEqual(shown('"a"{"b";'), ['«a»', '{', '«b»', ';']);
});

test('anything else after a closing quote is a problem, and reading goes on there', () => {
  assert.deepEqual(shown('"a"b c;'), ['«a»', '!unexpected "b" @1:4', 'b', 'c', ';']);
  assert.deepEqual(shown('"a"#b\n;'), ['«a»', '!unexpected "#" @1:4', ';']);
  assert.deepEqual(shown('"a"}'), ['«a»', '!unexpected "}" @1:4', '}']);
});

test('a quote left open on a line that ends like a directive costs that line alone', () => {
  assert.deepEqual(shown('a "b;\nc "d";'), [
    'a',
    '«b;\nc »',
    '!unexpected "d" @2:4',
    ';',
    'c',
    '«d»',
    ';',
  ]);
});

test('a quote left open to the end of the file is reported where it opens', () => {
  const message = '!unexpected end of file, expecting ";" or "}"';
  assert.deepEqual(shown('a "b;\nc;'), ['a', `${message} @1:3`, ';', 'c', ';']);
  assert.deepEqual(shown('a "b'), ['a', `${message} @1:3`]);
});

test('words are limited to what fits the buffer of nginx, counted in bytes', () => {
  const kinds = (text: string) => tokens(text).map((token) => token.kind);
  assert.deepEqual(kinds(`${'x'.repeat(4095)};`), ['word', ';']);
  assert.deepEqual(kinds(`${'x'.repeat(4096)};`), ['problem', ';']);
  assert.deepEqual(kinds(`"${'x'.repeat(4094)}";`), ['word', ';']);
  assert.deepEqual(kinds(`"${'é'.repeat(2048)}";`), ['problem', ';']);
  assert.deepEqual(
    shown(`${'x'.repeat(5000)};`)[0],
    '!too long parameter "xxxxxxxxxx..." started @1:1',
  );
  assert.deepEqual(shown(`'${'x'.repeat(5000)}\na;`).slice(0, 3), [
    `!too long parameter, probably missing terminating "'" character @1:1`,
    'a',
    ';',
  ]);
});

test('positions count lines and characters, not bytes or UTF-16 units', () => {
  const [, second, , third] = tokens('😀é "x";\r\n\tname');
  assert.deepEqual(second?.at, { file: 'f', line: 1, column: 4 });
  assert.deepEqual(third?.at, { file: 'f', line: 2, column: 2 });
});
