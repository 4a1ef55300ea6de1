import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCounts, parseCounts } from './counts.ts';

const summary = `strace: Process 11 attached with 3 threads
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.54    0.003200           1      3000       200 read
 38.46    0.002000           1      1000           writev
  0.00    0.000000           0         1           epoll_ctl
------ ----------- ----------- --------- --------- ----------------
100.00    0.005200           1      4001       200 total
`;

test('calls by name, with and without errors, without the sum', () => {
  assert.deepEqual(
    [...parseCounts(summary)],
    [
      ['read', 3000],
      ['writev', 1000],
      ['epoll_ctl', 1],
    ],
  );
});

test('the table puts rare calls together and names failures', () => {
  const of = (proxy: string, details: Record<string, number[]>, failure: string | null = null) => {
    return { proxy, values: [3.001], details, errors: 0, failure };
  };
  const text = formatCounts('small', [
    of('nginx', { read: [2], epoll_ctl: [0.001] }),
    of('sallyport', { read: [1], write: [2] }),
    of('caddy', {}, 'no'),
  ]);
  assert.match(text, /^ +read +2 +1$/m);
  assert.match(text, /^ +write +0 +2$/m);
  assert.match(text, /^ +others +0\.001 +0$/m);
  assert.match(text, /caddy FAILED: no/);
  assert.doesNotMatch(text, /epoll_ctl/);
});
