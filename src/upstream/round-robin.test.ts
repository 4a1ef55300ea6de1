// Round robin against the sequences that nginx 1.22.1 gives for the same `upstream` blocks, against
// its properties for any weights, and through the failure window.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Tried } from './balancer.ts';
import { nobody } from './balancers.test-kit.ts';
import { Peer, type PeerOptions } from './peer.ts';
import { RoundRobin } from './round-robin.ts';

/** Peers a, b, c, … named by their host. */
function peersOf(...options: Partial<PeerOptions>[]): Peer[] {
  return options.map((option, index) => {
    const host = String.fromCharCode(97 + index);
    const address = { kind: 'ip', host, port: 80 } as const;
    return new Peer({ address, hostName: host, ...option });
  });
}

/** A clock that stands where it is put. */
class Clock {
  time = 1_000_000;
  readonly clock = (): number => this.time;
}

/** One request through all its tries: the peers it went to, `-` at the end where none answered. */
function request(balancer: RoundRobin, dead: string): string {
  let tried: Tried | null = null;
  let way = '';
  for (;;) {
    const peer = balancer.pick(nobody, tried);
    if (peer === null) return `${way}-`;
    way += peer.hostName;
    if (!dead.includes(peer.hostName)) {
      balancer.report(peer, 'ok');
      return way;
    }
    balancer.report(peer, 'failed');
    tried ??= new Tried();
    tried.add(peer);
  }
}

function sequence(balancer: RoundRobin, count: number, dead = ''): string {
  return Array.from({ length: count }, () => request(balancer, dead)).join(' ');
}

test('weights 5, 1, 1 give the order of nginx', () => {
  const balancer = new RoundRobin(peersOf({ weight: 5 }, {}, {}));
  assert.equal(sequence(balancer, 14), 'a a b a c a a a a b a c a a');
});

test('weights 3, 2, 4 and a server that is down give the order of nginx', () => {
  const balancer = new RoundRobin(
    peersOf({ weight: 3 }, { weight: 2 }, { weight: 4 }, { down: true }),
  );
  assert.equal(sequence(balancer, 18), 'c a b c a c b a c c a b c a c b a c');
});

test('a server that fails twice of max_fails=2 is left out, in the order of nginx', () => {
  const failTimeout = 100_000;
  const balancer = new RoundRobin(
    peersOf({ weight: 4 }, { weight: 4, maxFails: 2, failTimeout }, { weight: 2 }),
  );
  const expected = 'a bc a c ba a a c a a c a a c a a c a a c';
  assert.equal(sequence(balancer, 20, 'b'), expected);
});

test('a server that fails loses effective weight, in the order of nginx', () => {
  const balancer = new RoundRobin(peersOf({ weight: 8 }, { weight: 8, maxFails: 4 }));
  const expected = 'a ba a ba a ba a ba a a a a';
  assert.equal(sequence(balancer, 12, 'b'), expected);
});

test('backups serve, by their own weights, only while no primary is usable', () => {
  const backup = true;
  const clock = new Clock();
  const peers = peersOf({}, {}, { backup }, { backup, weight: 2 });
  const balancer = new RoundRobin(peers, clock);
  assert.equal(sequence(balancer, 8, 'ab'), 'abd c d d c d d c');
  clock.time += 10_001;
  assert.equal(sequence(balancer, 6), 'b b a b a b');
});

test('when all servers are out, no server is live until fail_timeout has passed', () => {
  const clock = new Clock();
  const balancer = new RoundRobin(peersOf({}, {}), clock);
  assert.equal(sequence(balancer, 3, 'ab'), 'ab- - -');
  clock.time += 10_000;
  assert.equal(sequence(balancer, 1), '-');
  clock.time += 1;
  assert.equal(sequence(balancer, 6), 'b b a b a b', 'recovering in the order of nginx');
});

test('after fail_timeout one check decides: a failure starts the time anew', () => {
  const clock = new Clock();
  const peers = peersOf({}, { failTimeout: 1000 });
  const balancer = new RoundRobin(peers, clock);
  sequence(balancer, 2, 'b');
  assert.equal(sequence(balancer, 3, 'b'), 'a a a');
  clock.time += 1001;
  assert.equal(sequence(balancer, 5, 'b'), 'a a ba a a');
  clock.time += 1000;
  assert.equal(sequence(balancer, 5), 'a a a a a');
  assert.equal(peers[1]?.fails, 2);
  clock.time += 1;
  assert.equal(sequence(balancer, 5), 'a a b a b');
  assert.equal(peers[1]?.fails, 0);
});

test('a success within the window does not forget the failures before it', () => {
  const clock = new Clock();
  const [peer, other] = peersOf({ maxFails: 2 }, { down: true });
  assert.ok(peer !== undefined && other !== undefined);
  const balancer = new RoundRobin([peer, other], clock);
  request(balancer, 'a');
  request(balancer, '');
  assert.equal(peer.fails, 1);
  request(balancer, 'a');
  assert.equal(request(balancer, ''), '-');
});

test('max_fails=0 never takes a server out', () => {
  const balancer = new RoundRobin(peersOf({ maxFails: 0 }, { maxFails: 0 }));
  assert.equal(sequence(balancer, 3, 'ab'), 'ab- ba- ab-');
});

test('the only server of a group is used however often it fails, unless it is down', () => {
  assert.equal(sequence(new RoundRobin(peersOf({})), 4, 'a'), 'a- a- a- a-');
  assert.equal(sequence(new RoundRobin(peersOf({ down: true })), 1), '-');
  assert.equal(sequence(new RoundRobin([]), 1), '-');
});

test('a server with max_conns in use gets nothing until one is given back', () => {
  const balancer = new RoundRobin(peersOf({ maxConns: 1 }, { maxConns: 1 }));
  const first = balancer.pick(nobody, null);
  const second = balancer.pick(nobody, null);
  assert.ok(first !== null && second !== null);
  assert.notEqual(first, second);
  assert.equal(balancer.pick(nobody, null), null);
  balancer.report(second, 'neutral');
  assert.equal(balancer.pick(nobody, null), second);
  const only = new RoundRobin(peersOf({ maxConns: 1 }));
  assert.notEqual(only.pick(nobody, null), null);
  assert.equal(only.pick(nobody, null), null);
});

test('a neutral outcome gives the connection back and changes nothing else', () => {
  const [peer, other] = peersOf({}, {});
  assert.ok(peer !== undefined && other !== undefined);
  const balancer = new RoundRobin([peer, other]);
  assert.equal(balancer.pick(nobody, null), peer);
  assert.equal(peer.connections, 1);
  balancer.report(peer, 'neutral');
  assert.equal(peer.connections, 0);
  assert.equal(peer.fails, 0);
  assert.equal(peer.effectiveWeight, 1);
});

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 });

test('in each cycle every server gets exactly its weight, and the next cycle is the same', () => {
  fc.assert(
    fc.property(weights, (list) => {
      const balancer = new RoundRobin(peersOf(...list.map((weight) => ({ weight }))));
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const cycle = sequence(balancer, total).split(' ');
      list.forEach((weight, index) => {
        const name = String.fromCharCode(97 + index);
        assert.equal(cycle.filter((picked) => picked === name).length, weight);
      });
      assert.deepEqual(sequence(balancer, total).split(' '), cycle);
    }),
  );
});

test('no server is ever ahead of or behind its share by as much as one cycle of servers', () => {
  fc.assert(
    fc.property(weights, (list) => {
      const peers = peersOf(...list.map((weight) => ({ weight })));
      const balancer = new RoundRobin(peers);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const picked = list.map(() => 0);
      for (let turn = 1; turn <= 2 * total; turn += 1) {
        const peer = balancer.pick(nobody, null);
        const at = peers.findIndex((candidate) => candidate === peer);
        picked[at] = (picked[at] ?? 0) + 1;
        list.forEach((weight, index) => {
          const share = (turn * weight) / total;
          assert.ok(Math.abs((picked[index] ?? 0) - share) < list.length);
        });
      }
    }),
  );
});

test('of two servers the lighter never waits longer than its weight makes necessary', () => {
  const pair = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(pair, ([x, y]) => {
      const balancer = new RoundRobin(peersOf({ weight: x }, { weight: y }));
      const cycles = sequence(balancer, 3 * (x + y)).replaceAll(' ', '');
      const runs = cycles.match(/a+|b+/g) ?? [];
      const longest = Math.max(...runs.map((run) => run.length));
      assert.ok(longest <= Math.ceil(Math.max(x, y) / Math.min(x, y)));
    }),
  );
});

test('peers that fail and recover in any order keep weights within their bounds', () => {
  const steps = fc.array(fc.record({ dead: fc.subarray(['a', 'b', 'c']), wait: fc.nat(20_000) }), {
    maxLength: 50,
  });
  fc.assert(
    fc.property(weights, steps, (list, plan) => {
      const clock = new Clock();
      const peers = peersOf(...list.map((weight) => ({ weight, maxFails: 2 })));
      const balancer = new RoundRobin(peers, clock);
      for (const step of plan) {
        clock.time += step.wait;
        request(balancer, step.dead.join(''));
        for (const peer of peers) {
          assert.ok(peer.effectiveWeight >= 0 && peer.effectiveWeight <= peer.weight);
          assert.equal(peer.connections, 0);
        }
      }
    }),
  );
});
