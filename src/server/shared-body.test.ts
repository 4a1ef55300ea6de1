import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredBody } from '../exchange/exchange.ts';
import { shareBody } from './shared-body.ts';

class FakeBody implements StoredBody {
  closed = 0;
  readonly inMemory = true;

  parts(): readonly Buffer[] {
    return [Buffer.from('abc')];
  }
  readonly length = 3;

  append(): void {
    throw new Error('not asked for');
  }

  read(position: number): Buffer {
    return Buffer.from('abc').subarray(position);
  }

  close(): void {
    this.closed += 1;
  }
}

test('a body is closed once, with its last share', () => {
  const body = new FakeBody();
  const [first, second] = shareBody(body, 2);
  first?.close();
  first?.close();
  assert.equal(body.closed, 0);
  assert.equal(second?.read(1).toString(), 'bc');
  assert.equal(second.length, 3);
  second.close();
  second.close();
  assert.equal(body.closed, 1);
});
