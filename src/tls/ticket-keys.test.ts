import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTicketSecret, ticketKeysOf } from './ticket-keys.ts';

test('each policy and each secret has its own keys, the same every time', () => {
  const secrets = [Buffer.alloc(48, 1), Buffer.alloc(80, 2)];
  const keys = [...ticketKeysOf(secrets, 'one'), ...ticketKeysOf(secrets, 'two')];
  assert.equal(new Set(keys.map(({ name }) => name)).size, 4);
  assert.ok(keys.every(({ name, bytes }) => bytes.length === 48 && name.length === 16));
  assert.ok(keys.every(({ name, bytes }) => bytes.toString('latin1').startsWith(name)));
  assert.deepEqual(ticketKeysOf(secrets, 'one'), keys.slice(0, 2));
});

test('a secret has 48 or 80 bytes', () => {
  checkTicketSecret('t.key', Buffer.alloc(48));
  checkTicketSecret('t.key', Buffer.alloc(80));
  const message = '"t.key" must be 48 or 80 bytes';
  assert.throws(() => checkTicketSecret('t.key', Buffer.alloc(64)), { message });
});
