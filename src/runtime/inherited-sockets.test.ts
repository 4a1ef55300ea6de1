import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handOverText, inheritedDescriptors, takesOver } from './inherited-sockets.ts';

test('systemd numbers its sockets from 3, for one process', () => {
  const environment = { LISTEN_FDS: '2', LISTEN_PID: '77' };
  assert.deepEqual(inheritedDescriptors(environment, 77), [
    { descriptor: 3, ours: false },
    { descriptor: 4, ours: false },
  ]);
  assert.deepEqual(inheritedDescriptors(environment, 78), []);
});

test('variables that make no sense are no sockets', () => {
  for (const LISTEN_FDS of ['', '-1', 'x', '1.5', '99999999']) {
    assert.deepEqual(inheritedDescriptors({ LISTEN_FDS, LISTEN_PID: '7' }, 7), []);
  }
  assert.deepEqual(inheritedDescriptors({ SALLYPORT_SOCKETS: 'x' }, 7), []);
});

test('what one process hands over the next one reads', () => {
  const handed = [
    { descriptor: 30, ours: true },
    { descriptor: 12, ours: false },
  ];
  const text = handOverText(handed, 4);
  assert.equal(text, '4;5!;');
  const environment = { SALLYPORT_SOCKETS: text, LISTEN_FDS: '1', LISTEN_PID: '7' };
  assert.ok(takesOver(environment));
  assert.deepEqual(inheritedDescriptors(environment, 7), [
    { descriptor: 4, ours: true },
    { descriptor: 5, ours: false },
  ]);
});
