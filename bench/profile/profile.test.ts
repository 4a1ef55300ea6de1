import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownTimes } from './cpu-profile.ts';
import { parseSamples } from './perf-script.ts';
import { formatProfile } from './profile-table.ts';
import { samplesByStage, stageOf } from './stages.ts';

const samples = `sallyport 0  ffffffff813a4413 finish_task_switch.isra.0 ([kernel.kallsyms])
sallyport 0      7f3d38035a1b JS:*'readFieldLines file:///x/src/http1/field-lines.ts:30:31 (/tmp/perf-1.map)
sallyport 0      7f3d38035a2f JS:*'readFieldLines file:///x/src/http1/field-lines.ts:30:31 (/tmp/perf-1.map)
V8Worker           b8583a v8::internal::Scavenger::Process(v8::internal::Heap*) (/x/node)
sallyport 0           b8583a aes_gcm_enc_128_kernel (/x/node)
`;

test('samples of perf are counted by function and file, whatever the address', () => {
  const all = parseSamples(samples, () => true);
  assert.deepEqual(all[0], {
    symbol: 'readFieldLines',
    place: '/x/src/http1/field-lines.ts',
    samples: 2,
  });
  assert.deepEqual(
    new Map(samplesByStage(all)),
    new Map([
      ['head reading', 2],
      ['kernel', 1],
      ['garbage collection', 1],
      ['OpenSSL', 1],
    ]),
  );
});

test('threads can be chosen', () => {
  const helpers = parseSamples(samples, (thread) => thread === 'V8Worker');
  assert.equal(helpers.length, 1);
});

test('the stages of a request, in sources and in the built form', () => {
  const rows = [
    ['/x/src/server/router.ts', 'routing'],
    ['/x/dist/forward/upstream-head.js', 'upstream head'],
    ['/x/src/forward/response-pump.ts', 'response'],
    ['/x/dist/log/line-buffer.js', 'log'],
    ['/x/src/tls/front-door.ts', 'TLS'],
    ['node:net', "Node's sockets and streams"],
    ['node:internal/streams/writable', "Node's sockets and streams"],
  ] as const;
  for (const [place, stage] of rows) assert.equal(stageOf({ symbol: 'f', place }), stage);
  assert.equal(stageOf({ symbol: 'SSL_read_ex', place: '/x/node' }), 'OpenSSL');
  assert.equal(stageOf({ symbol: 'writeLatin1String', place: '' }), 'socket writes (native)');
  assert.equal(stageOf({ symbol: '(garbage collector)', place: '' }), 'garbage collection');
});

test('own times leave idle time and the recorder out', () => {
  const frame = (id: number, functionName: string, url: string) => {
    return { id, callFrame: { functionName, url } };
  };
  const times = ownTimes({
    nodes: [
      frame(1, '(idle)', ''),
      frame(2, 'f', 'file:///a.ts'),
      frame(3, 'post', 'node:inspector'),
    ],
    samples: [1, 2, 3, 2],
    timeDeltas: [100, 20, 300, 5],
  });
  assert.deepEqual(times, [{ symbol: 'f', place: '/a.ts', samples: 25 }]);
});

test('shares are also given in the time of a request', () => {
  const sites = [{ symbol: 'f', place: '/x/src/log/line-buffer.ts', samples: 25 }];
  const text = formatProfile('title', sites, 12);
  assert.match(text, /log +100\.0 % +12\.00/);
  assert.match(text, /f \(src\/log\/line-buffer\.ts\)/);
});
