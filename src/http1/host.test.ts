import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isHostPort, sameHost } from './host.ts';

test('hosts with an optional port are taken', () => {
  const hosts = ['a', 'a.', 'a.b-c.d_e', 'A:80', 'a:', 'a:0', 'a:65535', '127.0.0.1:8080', '~'];
  hosts.push('[::1]', '[::1]:443', '[::ffff:1.2.3.4]', "!$&'()*+;=", 'a%41b', 'xn--nxasmq6b');
  for (const host of hosts) assert.equal(isHostPort(host), true, host);
});

test('what is no host, or could mean two, is refused', () => {
  const hosts = ['', '.', '..', 'a..b', '.a', ':80', 'a:x', 'a:65536', 'a:1:2', 'a:-1', 'a: 1'];
  hosts.push('a b', 'a\tb', 'a,b', 'u@a', 'u:p@a', 'a/b', 'a?b', 'a#b', 'a\\b', 'a"b', 'a<b');
  hosts.push('[', '[]', '[::1', '[zz]', '[1.2.3.4]', '[fe80::1%eth0]', '[::1]x', '[::1]:x', '::1');
  hosts.push('a%4', 'a%', 'a%zz', 'a\0b', 'a\x7fb', '\xe9', '\u0161', 'a|b', 'a`b', '{a}');
  for (const host of hosts) assert.equal(isHostPort(host), false, host);
});

test('hosts are compared without case and without the default port', () => {
  assert.equal(sameHost('A.example', 'a.EXAMPLE', ''), true);
  assert.equal(sameHost('a:80', 'a', '80'), true);
  assert.equal(sameHost('a:', 'a', '80'), true);
  assert.equal(sameHost('a:80', 'a', '443'), false);
  assert.equal(sameHost('a:180', 'a:1', '80'), false);
  assert.equal(sameHost('a', 'b', '80'), false);
});
