import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { Exchange } from '../exchange/exchange.ts';
import { writeBody, writeLastChunk } from './response-writer.ts';

interface Sent {
  readonly socket: Socket;
  readonly texts: string[];
}

/** A socket that notes what is written. */
function recorder(): Sent {
  const texts: string[] = [];
  const socket = {
    write(data: Buffer | string, after?: unknown): boolean {
      texts.push(data.toString('latin1'));
      if (typeof after === 'function') (after as () => void)();
      return true;
    },
    cork: () => undefined,
    uncork: () => undefined,
  };
  return { socket: socket as unknown as Socket, texts };
}

function exchange(chunked: boolean): Exchange {
  const facts = { chunked, bytesSent: 0, bodyBytesSent: 0, trailerLines: null };
  return facts as unknown as Exchange;
}

for (const chunked of [true, false]) {
  const kind = chunked ? 'a chunked body' : 'a counted body';

  test(`an empty part of ${kind} writes nothing, and its memory is given back`, () => {
    const { socket, texts } = recorder();
    const x = exchange(chunked);
    let given = 0;
    assert.equal(
      writeBody(socket, x, Buffer.alloc(0), () => (given += 1)),
      true,
    );
    assert.deepEqual(texts, []);
    assert.equal(given, 1);
    assert.equal(x.bytesSent, 0);
  });
}

test('a chunked body has the sizes of its parts, and its end', () => {
  const { socket, texts } = recorder();
  const x = exchange(true);
  writeBody(socket, x, Buffer.from('abcdefghijklmnop'), undefined);
  writeLastChunk(socket, x);
  assert.equal(texts.join(''), '10\r\nabcdefghijklmnop\r\n0\r\n\r\n');
  assert.equal(x.bytesSent, texts.join('').length);
});
