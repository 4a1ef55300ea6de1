// Groups as the configuration makes them, and host names as they become peers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../base/errors.ts';
import { balancerRows } from './balancers.ts';
import { nobody } from './balancers.test-kit.ts';
import { createGroup, createImplicitGroup, defaultKeepalive } from './group.ts';
import { Peer, isDisabled } from './peer.ts';
import { resolveHost } from './resolve.ts';
import { classifySocketError } from './socket-error.ts';

const address = { kind: 'ip', host: '10.0.0.1', port: 443 } as const;

test('a peer without parameters has the defaults of nginx', () => {
  const peer = new Peer({ address, hostName: 'a.internal' });
  const { name, weight, maxFails, failTimeout, maxConns, backup, down } = peer;
  assert.deepEqual(
    { name, weight, maxFails, failTimeout, maxConns, backup, down },
    {
      name: '10.0.0.1:443',
      weight: 1,
      maxFails: 1,
      failTimeout: 10_000,
      maxConns: 0,
      backup: false,
      down: false,
    },
  );
  assert.equal(isDisabled(peer), false);
});

test('all peers have one shape, whatever their options', () => {
  const plain = new Peer({ address, hostName: 'a' });
  const full = new Peer({
    address: { kind: 'unix', path: '/run/a' },
    hostName: 'b',
    weight: 2,
    maxFails: 0,
    failTimeout: 1,
    maxConns: 5,
    backup: true,
    down: true,
  });
  assert.deepEqual(Object.keys(plain), Object.keys(full));
});

test('a group tries each server once that is not down, and keeps idle connections', () => {
  const peers = [false, true, false].map((down) => new Peer({ address, hostName: 'a', down }));
  const group = createGroup({ name: 'backend', peers });
  assert.equal(group.tries, 2);
  assert.equal(group.implicit, false);
  assert.deepEqual(group.keepalive, defaultKeepalive);
});

test('the addresses of a URL are balanced and keep the host name to verify', () => {
  const addresses = ['10.0.0.1', '::1'].map((host) => ({ kind: 'ip', host, port: 443 }) as const);
  const group = createImplicitGroup({ name: 'api.test', hostName: 'api.test', addresses });
  assert.equal(group.implicit, true);
  const names = [1, 2, 3].map(() => group.balancer.pick(nobody, null)?.name);
  assert.deepEqual(names, ['10.0.0.1:443', '[::1]:443', '10.0.0.1:443']);
  assert.deepEqual(new Set(group.peers.map((peer) => peer.hostName)), new Set(['api.test']));
});

test('round robin is the first balancer and every row has a name and help of its own', () => {
  assert.equal(balancerRows[0]?.name, 'round-robin');
  assert.equal(new Set(balancerRows.map((row) => row.name)).size, balancerRows.length);
  for (const row of balancerRows) assert.match(row.help, /\.$/);
});

test('a host name becomes all its addresses, each once', async () => {
  const found = await resolveHost('api.test', 8443, (name) => {
    assert.equal(name, 'api.test');
    return Promise.resolve(['10.0.0.2', '10.0.0.1', '10.0.0.2']);
  });
  assert.deepEqual(found, [
    { kind: 'ip', host: '10.0.0.2', port: 8443 },
    { kind: 'ip', host: '10.0.0.1', port: 8443 },
  ]);
});

test('an address is not looked up', async () => {
  const never = () => Promise.reject(new Error('looked up'));
  assert.deepEqual(await resolveHost('::1', 80, never), [{ kind: 'ip', host: '::1', port: 80 }]);
});

test('a host without an address refuses with the words of nginx', async () => {
  const expected = {
    code: 'UPSTREAM_HOST_NOT_FOUND',
    message: 'host not found in upstream "x.test"',
  };
  await assert.rejects(
    resolveHost('x.test', 80, () => Promise.resolve([])),
    expected,
  );
  await assert.rejects(
    resolveHost('x.test', 80, () => Promise.reject(new Error('ENOTFOUND'))),
    expected,
  );
});

test('socket errors that nginx does not name still get a code and the number', () => {
  const raw = Object.assign(new Error('x'), { errno: -95, code: 'ENOTSUP', syscall: 'connect' });
  const error = classifySocketError(raw, false);
  assert.ok(error instanceof SallyportError);
  assert.equal(error.code, 'UPSTREAM_CONNECT_FAILED');
  assert.match(error.message, /^connect\(\) failed \(95: .+\)$/);
  const pipe = Object.assign(new Error('x'), { errno: -32, code: 'EPIPE', syscall: 'write' });
  assert.equal(classifySocketError(pipe, true).message, 'send() failed (32: Broken pipe)');
  assert.equal(classifySocketError(new Error('odd'), true).message, 'recv() failed (odd)');
});
