import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FileSources, RecordedSources, ReplayedSources, TextSources } from './source.ts';

function folderWith(t: TestContext, names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-source-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
  return folder;
}

test('patterns match as glob(3) does, sorted by bytes', (t) => {
  const names = ['b.conf', 'B.conf', 'a1.conf', 'a2.conf', '.h.conf', 'x/c.conf', 'x/y/d.conf'];
  const folder = folderWith(t, [...names, 'é.conf', 'a[1].conf', '{a,b}.conf', 'z+.conf']);
  const sources = new FileSources();
  const found = (pattern: string): string[] =>
    sources.glob(join(folder, pattern)).map((path) => path.slice(folder.length + 1));
  assert.deepEqual(found('[aAbB]*.conf'), ['B.conf', 'a1.conf', 'a2.conf', 'a[1].conf', 'b.conf']);
  assert.deepEqual(found('a?.conf'), ['a1.conf', 'a2.conf']);
  assert.deepEqual(found('a[0-1].conf'), ['a1.conf']);
  assert.deepEqual(found('a[!1].conf'), ['a2.conf']);
  assert.deepEqual(found('a\\[*.conf'), ['a[1].conf']);
  assert.deepEqual(found('*/*.conf'), ['x/c.conf']);
  assert.deepEqual(found('**/d.conf'), []);
  assert.deepEqual(found('{a,b}.con?'), ['{a,b}.conf']);
  assert.deepEqual(found('.h*'), ['.h.conf']);
  assert.deepEqual(found('z+.con*'), ['z+.conf']);
  assert.deepEqual(found('[z-a]*'), []);
  assert.deepEqual(found('none/*.conf'), []);
  assert.deepEqual(found('*/c.conf'), ['x/c.conf']);
});

test('a missing file throws with the code of the file system', () => {
  assert.throws(() => new FileSources().read('/does/not/exist'), { code: 'ENOENT' });
  assert.throws(() => new TextSources(new Map()).read('/x'), { code: 'ENOENT' });
});

test('what was recorded is replayed, also from another thread, and nothing else', () => {
  const texts = new Map([
    ['/c/a', 'A'],
    ['/c/b', 'B'],
  ]);
  const recorded = new RecordedSources(new TextSources(texts));
  assert.equal(recorded.read('/c/a').toString(), 'A');
  assert.deepEqual(recorded.glob('/c/*'), ['/c/a', '/c/b']);
  const replayed = new ReplayedSources(structuredClone(recorded.snapshot()));
  assert.equal(replayed.read('/c/a').toString(), 'A');
  assert.deepEqual(replayed.glob('/c/*'), ['/c/a', '/c/b']);
  assert.deepEqual(replayed.glob('/d/*'), []);
  assert.throws(() => replayed.read('/c/b'), { code: 'ENOENT' });
});

test('a file that changes between two reads is recorded and given as it was first', () => {
  const texts = new Map([['/a', 'before']]);
  const recorded = new RecordedSources(new TextSources(texts));
  recorded.read('/a');
  const snapshot = recorded.snapshot();
  texts.set('/a', 'after');
  assert.equal(recorded.read('/a').toString(), 'before');
  assert.equal(new ReplayedSources(snapshot).read('/a').toString(), 'before');
});

test('texts in memory hide files of the same path, in reads and in patterns', (t) => {
  const folder = folderWith(t, ['a.conf', 'c.conf']);
  const texts = new Map([
    [join(folder, 'a.conf'), 'memory'],
    [join(folder, 'b.conf'), 'memory'],
  ]);
  const sources = new TextSources(texts, new FileSources());
  assert.equal(sources.read(join(folder, 'a.conf')).toString(), 'memory');
  assert.equal(sources.read(join(folder, 'c.conf')).toString(), 'c.conf');
  assert.equal(sources.glob(join(folder, '*.conf')).length, 3);
});
