// Sends every spelling of a form as the first request of a connection and behind another one, whole
// and in pieces, over plain TCP and over TLS, and asserts what came back and what the upstream got,
// byte for byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliver, deliveries, statusesIn } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import { proved } from './proved.ts';
import { doorFields, smuggled, spellings } from './request-form.ts';
import type { Door, FormTable, RequestForm } from './request-form.ts';
import { seenUpstream, targetOf } from './request-proxy.ts';
import type { Doors, Witness } from './request-proxy.ts';

/** The request before: what stands behind it is read by a parser that has been used. */
const before = 'GET /before HTTP/1.1\r\nHost: before\r\n\r\n';
/** The request behind one that was accepted: it begins where that one ends. */
const behind = 'GET /behind HTTP/1.1\r\nHost: behind\r\nConnection: close\r\n\r\n';

/** What the upstream gets for the one before or behind. */
function neighbour(path: string, door: Door): string {
  return `GET ${path} HTTP/1.1\r\n${doorFields[door]}Host: backend\r\n\r\n`;
}

interface Expected {
  /** Sent behind the form. */
  readonly follows: string;
  readonly statuses: readonly number[];
  readonly upstream: string;
}

function expectedOf(form: RequestForm, door: Door): Expected {
  if ('status' in form) {
    return { follows: form.open ? '' : smuggled, statuses: [form.status], upstream: '' };
  }
  if (form.closes) return { follows: smuggled, statuses: [200], upstream: form.arrives };
  return {
    follows: behind,
    statuses: [200, 200],
    upstream: form.arrives + neighbour('/behind', door),
  };
}

/** What a table is proved with. */
export interface Bench {
  readonly witness: Witness;
  readonly doors: Doors;
}

/** A test for each form of the tables. */
export function proveRequests(tables: readonly FormTable[], bench: Bench): void {
  for (const { title, forms } of tables) {
    for (const form of forms) {
      void test(`${title}: ${form.name}: ${'status' in form ? form.status : 'one request'}`, async () => {
        let times = 0;
        for (const bytes of spellings(form)) {
          for (const first of [true, false]) {
            for (const how of deliveries) {
              await proveOnce(form, { bytes, first, how }, bench);
              times += 1;
            }
          }
        }
        proved(times);
      });
    }
  }
}

interface Sent {
  readonly bytes: string;
  readonly first: boolean;
  readonly how: Delivery;
}

async function proveOnce(form: RequestForm, sent: Sent, bench: Bench): Promise<void> {
  const { bytes, first, how } = sent;
  const door = form.door ?? 'plain';
  const target = targetOf(bench.doors, door, how.transport);
  const expected = expectedOf(form, door);
  const all = (first ? '' : before) + bytes + expected.follows;
  const received = await deliver(target, all, how.cut);
  const shown = `${JSON.stringify(bytes.slice(0, 300))}, ${first ? 'first' : 'behind'}, ${how.name}`;
  const statuses = first ? expected.statuses : [200, ...expected.statuses];
  assert.deepEqual(statusesIn(received), statuses, `${shown}: answers`);
  assert.match(received.slice(received.lastIndexOf('HTTP/1.1 ')), /\r\nConnection: close\r\n/);
  const upstream = await seenUpstream(bench.witness, bench.doors);
  assert.equal(
    upstream,
    (first ? '' : neighbour('/before', door)) + expected.upstream,
    `${shown}: upstream`,
  );
}
