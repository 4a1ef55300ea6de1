// A server that one location refuses is no worse for the others: refusals are booked with the
// location, by max_fails and fail_timeout, and never with the group that locations share.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { lines } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';

const pki = await testPki();
const known = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const stranger = `proxy_ssl_trusted_certificate ${pki.otherCaFile};`;

interface Running {
  readonly proxy: RunningProxy;
  readonly good: RecordingUpstream;
  readonly strange: RecordingUpstream;
  /** Asks for a location some times and gives the statuses. */
  ask(path: string, times: number): Promise<number[]>;
}

async function start(
  t: TestContext,
  servers: (good: string, strange: string) => string,
  locations: string,
): Promise<Running> {
  const port = await freePort();
  const good = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const strange = await RecordingUpstream.start({ tls: pki.untrusted.tls }, t);
  const proxy = await startProxy(
    `http {
      log_format seen "$uri $status $upstream_ssl_verify $upstream_ssl_subject $upstream_ssl_protocol";
      access_log access.log seen; proxy_ssl_name a.test;
      upstream g { ${servers(good.address, strange.address)} keepalive 0; }
      server { listen 127.0.0.1:${port}; ${locations} } }`,
    { scope: t },
  );
  const ask = async (path: string, times: number): Promise<number[]> => {
    const statuses = [];
    for (let i = 0; i < times; i += 1) statuses.push((await request({ port, path })).status);
    return statuses;
  };
  return { proxy, good, strange, ask };
}

const both = (good: string, strange: string): string => `server ${strange}; server ${good};`;
const two = `location /known { proxy_pass https://g; ${known} }
  location /stranger { proxy_pass https://g; ${stranger} }`;

test('a server that a location has refused is not asked again by it, but by the others', async (t) => {
  const { good, strange, ask } = await start(t, both, two);
  const sorted = async (path: string): Promise<number[]> => (await ask(path, 6)).sort();
  const once = [200, 200, 200, 200, 200, 502];
  assert.deepEqual(await sorted('/known'), once);
  assert.equal(good.requests.length, 5);
  assert.deepEqual(await sorted('/stranger'), once);
  assert.equal(strange.requests.length, 5);
  assert.equal(good.requests.length, 5);
});

test('a server that is refused as often as max_fails is not asked again', async (t) => {
  const servers = (good: string, strange: string): string =>
    `server ${strange} max_fails=2; server ${good};`;
  const { ask } = await start(t, servers, two);
  const statuses = await ask('/known', 9);
  assert.equal(statuses.filter((status) => status === 502).length, 2);
});

test('when all servers of a group are refused, none is live', async (t) => {
  const servers = (_good: string, strange: string): string =>
    `server ${strange}; server ${strange};`;
  const { proxy, ask } = await start(t, servers, two);
  assert.deepEqual(await ask('/known', 3), [502, 502, 502]);
  const log = proxy.errorLog();
  assert.equal(log.match(/UPSTREAM_TLS_UNKNOWN_ISSUER: /g)?.length, 2);
  assert.equal(log.match(/no live upstreams/g)?.length, 1);
  assert.deepEqual(await ask('/stranger', 2), [200, 200]);
});

test('the only server of a group is asked each time, and the reason told', async (t) => {
  const servers = (_good: string, strange: string): string => `server ${strange};`;
  const { proxy, ask } = await start(t, servers, two);
  assert.deepEqual(await ask('/known', 3), [502, 502, 502]);
  assert.equal(proxy.errorLog().match(/UPSTREAM_TLS_UNKNOWN_ISSUER: /g)?.length, 3);
});

test('the log shows what was refused', async (t) => {
  const servers = (_good: string, strange: string): string => `server ${strange};`;
  const { proxy, ask } = await start(t, servers, two);
  await ask('/known', 1);
  const [line] = await lines(() => proxy.accessLog(), 1);
  assert.equal(line, '/known 502 FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER CN=a.test TLSv1.3');
});

test('report mode lets through, says what would be refused once, and counts', async (t) => {
  const servers = (_good: string, strange: string): string => `server ${strange};`;
  const reported = `location /report { proxy_pass https://g; ${known} proxy_ssl_verify report; }`;
  const { proxy, ask } = await start(t, servers, reported);
  assert.deepEqual(await ask('/report', 3), [200, 200, 200]);
  const seen = await lines(() => proxy.accessLog(), 3);
  for (const line of seen)
    assert.match(line, / 200 REPORTED:UPSTREAM_TLS_UNKNOWN_ISSUER CN=a\.test /);
  const warned = proxy.errorLog().match(/\[error\].*would be refused.*/g) ?? [];
  assert.equal(warned.length, 1);
  assert.match(
    warned[0] ?? '',
    /UPSTREAM_TLS_UNKNOWN_ISSUER: would be refused \(report only, 1 so far on this hop\): .*to mend this: .*upstream: "https:/,
  );
});
