import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionBudget, describeShortage } from './connection-budget.ts';

/** A side with connections, some of them idle. */
class Side {
  count: number;
  idle: number;

  constructor(count: number, idle: number) {
    this.count = count;
    this.idle = idle;
  }

  closeIdle(count: number): number {
    const closed = Math.min(count, this.idle);
    this.idle -= closed;
    this.count -= closed;
    return closed;
  }
}

function budgetOf(limit: number, clients: Side, upstreams = new Side(0, 0)): ConnectionBudget {
  const budget = new ConnectionBudget();
  budget.limit = limit;
  budget.clients = clients;
  budget.idleUpstreams = upstreams;
  budget.upstreams = upstreams.count;
  return budget;
}

test('below fifteen sixteenths nothing is closed', () => {
  const clients = new Side(29, 29);
  assert.equal(budgetOf(32, clients).admitClient(3), null);
  assert.equal(clients.idle, 29);
});

test('an eighth of the idle clients makes room, at most 32 at a time', () => {
  const some = new Side(31, 16);
  assert.equal(budgetOf(32, some).admitClient(3), null);
  assert.equal(some.idle, 14);
  const many = new Side(1000, 1000);
  assert.equal(budgetOf(1000, many).admitUpstream(), null);
  assert.equal(many.idle, 968);
});

test('idle upstream connections are closed where no client is idle', () => {
  const upstreams = new Side(2, 2);
  assert.equal(budgetOf(6, new Side(4, 0), upstreams).admitClient(3), null);
  assert.equal(upstreams.idle, 1);
});

test('with nothing idle the limit is where it ends, not before', () => {
  assert.equal(budgetOf(32, new Side(31, 0)).admitClient(3), null);
  assert.equal(budgetOf(32, new Side(32, 0)).admitClient(3), 'connections');
  assert.equal(budgetOf(32, new Side(30, 0), new Side(2, 0)).admitUpstream(), 'connections');
});

test('descriptors near their limit turn clients away, upstream connections may use the rest', () => {
  const budget = budgetOf(1000, new Side(50, 0));
  budget.limitDescriptors(80);
  assert.equal(budget.admitClient(69), null);
  assert.equal(budget.admitClient(70), 'descriptors');
  assert.equal(budget.admitUpstream(), null);
  // The system gives the lowest number that is free: others have been closed.
  assert.equal(budget.admitClient(20), null);
  assert.equal(budget.admitClient(undefined), null);
});

test('what is closed for want of room is said once a second, with the reason', () => {
  const said: string[] = [];
  const budget = budgetOf(1000, new Side(50, 50));
  budget.limitDescriptors(80);
  budget.log = (level, message) => said.push(`${level} ${message}`);
  budget.admitClient(75);
  budget.admitClient(76);
  assert.deepEqual(said, [
    'warn open files are near their limit (worker_rlimit_nofile), reusing connections',
  ]);
  assert.equal(describeShortage('connections', 7), '7 worker_connections are not enough');
});
