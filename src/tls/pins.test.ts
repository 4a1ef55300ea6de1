import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { parsePin, readPinFile } from './pins.ts';

const [a = '', b = ''] = ['a', 'b'].map((key) => createHash('sha256').update(key).digest('base64'));

function read(text: string): readonly string[] {
  return readPinFile({ path: 'pins.txt', pem: text });
}

test('a pin has one form', () => {
  assert.equal(parsePin(`sha256/${a}`), a);
  // The last character but one has two bits too many; a decoder would take it.
  const loose = `${a.slice(0, 42)}${a[42] === 'A' ? 'B' : 'A'}=`;
  for (const wrong of [a, `sha1/${a}`, `sha256/${a} `, `sha256/${a.slice(1)}`, '']) {
    assert.equal(parsePin(wrong), null, wrong);
  }
  assert.notEqual(parsePin(`sha256/${loose}`), a);
});

test('a file has a pin in each line, and remarks', () => {
  assert.deepEqual(read(`# both\nsha256/${a} # now\r\n\n  sha256/${b}`), [a, b]);
});

test('a file that is cut off or empty is refused by name and line', () => {
  assert.throws(
    () => read(`sha256/${a}\nsha256/${b.slice(0, 20)}`),
    /"pins\.txt": line 2 is no pin/,
  );
  for (const empty of ['', '\n', '# nothing\n']) {
    assert.throws(() => read(empty), /"pins\.txt": there is no pin in it/);
  }
});
