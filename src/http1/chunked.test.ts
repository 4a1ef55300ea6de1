import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ChunkedDecoder, ChunkEvent, chunkHeader, lastChunk } from './chunked.ts';

interface Decoded {
  body: string;
  /** The last event: `more` where the body has not ended. */
  event: number;
  /** Bytes consumed over all pieces. */
  consumed: number;
  decoder: ChunkedDecoder;
}

/** Feeds pieces one after the other, each in a buffer of its own with junk around. */
function decode(pieces: string[], decoder = new ChunkedDecoder()): Decoded {
  let body = '';
  let event: number = ChunkEvent.more;
  let consumed = 0;
  for (const piece of pieces) {
    const input = Buffer.from(`0${piece}\r\n`, 'latin1');
    const end = input.length - 2;
    let position = 1;
    do {
      event = decoder.next(input, position, end);
      consumed += decoder.position - position;
      position = decoder.position;
      assert.ok(position <= end);
      if (event === ChunkEvent.data) {
        assert.ok(decoder.dataStart < decoder.dataEnd && decoder.dataEnd <= end);
        body += input.toString('latin1', decoder.dataStart, decoder.dataEnd);
      }
    } while (event === ChunkEvent.data);
    if (event !== ChunkEvent.more) break;
    assert.equal(position, end);
  }
  return { body, event, consumed, decoder };
}

function encode(bodies: string[]): string {
  return bodies.map((body) => `${chunkHeader(body.length)}${body}\r\n`).join('') + lastChunk;
}

const sample =
  '5\r\nhello\r\n00A;x="y;z"\r\n0123456789\r\n1\r\n\r\r\n0;last\r\nX-Sum: 1\r\nX-Two:\t2 \r\n\r\n';
const sampleBody = 'hello0123456789\r';

test('chunks, extensions and trailers are read', () => {
  const { body, event, consumed, decoder } = decode([`${sample}GET /next`]);
  assert.equal(event, ChunkEvent.done);
  assert.equal(body, sampleBody);
  assert.equal(consumed, sample.length);
  assert.deepEqual(decoder.trailers?.names, ['X-Sum', 'X-Two']);
  assert.deepEqual(decoder.trailers?.values, ['1', '2']);
});

test('a body cut in two, or three, at any bytes gives the same', () => {
  for (let one = 0; one <= sample.length; one += 1) {
    for (let two = one; two <= sample.length; two += 1) {
      const pieces = [sample.slice(0, one), sample.slice(one, two), sample.slice(two)];
      const { body, event, decoder } = decode(pieces);
      assert.equal(event, ChunkEvent.done);
      assert.equal(body, sampleBody);
      assert.deepEqual(decoder.trailers?.values, ['1', '2']);
    }
  }
});

test('a body is not done before its last byte', () => {
  for (let end = 0; end < sample.length; end += 1) {
    assert.equal(decode([sample.slice(0, end)]).event, ChunkEvent.more);
  }
});

test('a decoder that is done or failed stays so until it is reset', () => {
  const { decoder } = decode([sample]);
  const more = Buffer.from('5\r\nhello', 'latin1');
  assert.equal(decoder.next(more, 0, more.length), ChunkEvent.done);
  assert.equal(decoder.position, 0);
  decoder.reset();
  assert.deepEqual(decoder, new ChunkedDecoder());
  assert.equal(decode(['x'], decoder).event, ChunkEvent.error);
  assert.equal(decoder.next(more, 0, more.length), ChunkEvent.error);
  decoder.reset();
  assert.equal(decode([lastChunk], decoder).event, ChunkEvent.done);
  assert.equal(decoder.trailers, null);
});

test('whatever is not exactly the grammar is refused, however it is cut', () => {
  const rows = [
    ' 5\r\nhello\r\n0\r\n\r\n',
    '\r\n5\r\nhello\r\n0\r\n\r\n',
    '\t5\r\n',
    '+5\r\nhello\r\n',
    '-5\r\nhello\r\n',
    '0x5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '5 ;x\r\nhello\r\n',
    '5\t;x\r\nhello\r\n',
    '5_0\r\n',
    'g\r\n',
    ';x\r\n',
    '\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\rhello\r\n',
    '5;a\nhello\r\n',
    '5;a\rb\r\nhello\r\n',
    '5;a\0\r\nhello\r\n',
    '5\r\nhello0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello\rx0\r\n\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
    '5\r\nhell\r\n0\r\n\r\n',
    '0\n\n',
    '0\r\n\n',
    '0\r\n\rX',
    '0\r\nA: b\n\r\n',
    '0\r\nA : b\r\n\r\n',
    '0\r\nA\r\n\r\n',
    '0\r\n A: b\r\n\r\n',
    '0\r\nA: b\rc\r\n\r\n',
    '0\r\nA: \0\r\n\r\n',
    '20000000000000\r\n',
    'fffffffffffffffff\r\n',
    '100000000000000000000000000000005\r\n',
  ];
  for (const text of rows) {
    const whole = decode([text]);
    assert.equal(whole.event, ChunkEvent.error, JSON.stringify(text));
    assert.match(whole.decoder.error, /^[ -~]+$/);
    const bytes = decode([...text]);
    assert.equal(bytes.event, ChunkEvent.error, JSON.stringify(text));
    assert.equal(bytes.decoder.error, whole.decoder.error);
  }
});

test('the largest chunk size is the largest exact number', () => {
  const { event, decoder } = decode(['1fffffffffffff\r\nx']);
  assert.equal(event, ChunkEvent.more);
  assert.equal(decoder.remaining, Number.MAX_SAFE_INTEGER - 1);
});

test('size lines, extensions and trailers are bounded', () => {
  assert.equal(decode([`${'0'.repeat(1024)}\r\n\r\n`]).event, ChunkEvent.done);
  assert.equal(decode(['0'.repeat(1025)]).event, ChunkEvent.error);
  assert.equal(decode([`1;${'x'.repeat(1023)}\r\n`]).event, ChunkEvent.more);
  assert.equal(decode([`1;${'x'.repeat(1024)}`]).event, ChunkEvent.error);
  const chunk = `1;${'x'.repeat(1000)}\r\na\r\n`;
  assert.equal(decode([chunk.repeat(16)]).event, ChunkEvent.more);
  assert.equal(decode([chunk.repeat(17)]).event, ChunkEvent.error);
  const line = `a: ${'x'.repeat(95)}\r\n`;
  assert.equal(decode([`0\r\n${line.repeat(81)}\r\n`]).event, ChunkEvent.done);
  assert.equal(decode([`0\r\n${line.repeat(82)}\r\n`]).event, ChunkEvent.error);
  assert.equal(decode([`0\r\n${'x'.repeat(9000)}`]).event, ChunkEvent.error);
  assert.equal(decode([`0\r\n${'a:\r\n'.repeat(100)}\r\n`]).event, ChunkEvent.done);
  assert.equal(decode([`0\r\n${'a:\r\n'.repeat(101)}\r\n`]).event, ChunkEvent.error);
});

test('fields that frame, route or authenticate do not come through a trailer section', () => {
  const names = ['Host', 'Content-Length', 'transfer-encoding', 'Authorization', 'Cookie'];
  names.push('X-Forwarded-For', 'Connection', 'Set-Cookie', 'Trailer', 'TE');
  const lines = names.map((name) => `${name}: 1\r\n`).join('');
  assert.equal(decode([`0\r\n${lines}\r\n`]).decoder.trailers, null);
  const { decoder } = decode([`0\r\n${lines}ETag: x\r\n\r\n`]);
  assert.deepEqual(decoder.trailers?.names, ['ETag']);
});

test('what is encoded is decoded, in whichever pieces', () => {
  const bodies = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }));
  const cuts = fc.array(fc.nat(200));
  fc.assert(
    fc.property(bodies, cuts, (chunks, at) => {
      const text = encode(chunks);
      const edges = [0, ...at.filter((cut) => cut < text.length).sort((a, b) => a - b)];
      const pieces = edges.map((edge, i) => text.slice(edge, edges[i + 1]));
      const { body, event, consumed } = decode(pieces);
      assert.equal(event, ChunkEvent.done);
      assert.equal(body, chunks.join(''));
      assert.equal(consumed, text.length);
    }),
  );
});

test('any bytes in any pieces give a documented event', () => {
  const unit = fc.constantFrom('0', '1', 'a', ';', '\r', '\n', '\r\n', ' ', ':', 'x', '\0', '\xff');
  fc.assert(
    fc.property(fc.array(fc.string({ unit, maxLength: 12 })), (pieces) => {
      const { event } = decode(pieces);
      assert.ok([ChunkEvent.more, ChunkEvent.done, ChunkEvent.error].some((e) => e === event));
      assert.equal(decode([pieces.join('')]).event, event);
    }),
    { numRuns: 2000 },
  );
});
