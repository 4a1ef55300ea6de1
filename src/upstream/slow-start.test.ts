// `slow_start`: a server that is back gets its share little by little.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobody, peersOf } from './balancers.test-kit.ts';
import { slowShare } from './peer.ts';
import { LeastConn } from './least-conn.ts';
import { RoundRobin } from './round-robin.ts';

for (const Method of [RoundRobin, LeastConn]) {
  test(`${Method.name}: the share of a server that is back grows with the time`, () => {
    let time = 1_000_000;
    const peers = peersOf({ slowStart: 10_000 }, {});
    const balancer = new Method(peers, { clock: () => time });
    const [first] = peers;
    assert.ok(first !== undefined);
    const share = (): number => {
      let count = 0;
      for (let i = 0; i < 1000; i += 1) {
        const peer = balancer.pick(nobody, null);
        assert.ok(peer !== null);
        if (peer === first) count += 1;
        balancer.report(peer, 'ok');
      }
      return count / 1000;
    };
    assert.equal(share(), 0.5, 'at the start all have their whole weight');
    for (;;) {
      const peer = balancer.pick(nobody, null);
      assert.ok(peer !== null);
      balancer.report(peer, peer === first ? 'failed' : 'ok');
      if (peer === first) break;
    }
    assert.equal(share(), 0);
    time += 10_001;
    assert.ok(share() < 0.01, 'the check was passed just now');
    const steps = [0.1, 0.5, 1].map((part) => {
      time += 10_000 * part - (time - 1_010_001);
      return [slowShare(first, time), share()] as const;
    });
    for (const [part, got] of steps) {
      assert.ok(Math.abs(got - part / (1 + part)) < 0.01, `${part}: ${got}`);
    }
  });
}
