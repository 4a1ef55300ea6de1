// The matrix of hostile upstreams, with real handshakes: each is refused with its own code before it
// gets a byte of the request, and its twin without the defect answers. The client learns nothing.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { upstreamTlsErrorRows } from '../src/base/upstream-tls-errors.ts';
import { eventually } from './kit/eventually.ts';
import { accessLine, errorLine, errorLines } from './kit/hops.ts';
import { fingerprintOf, type Side } from './kit/hostile-upstream.ts';
import { hostileUpstreams } from './kit/hostile-upstreams.ts';
import { opensslAvailable } from './kit/openssl.ts';
import { freePort } from './kit/ports.ts';
import { request, type RawResponse } from './kit/raw-client.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import type { Peer } from './kit/tls-peers.ts';

const skip = { skip: !opensslAvailable };
const rows = opensslAvailable ? await hostileUpstreams() : [];

interface Matrix {
  readonly proxy: RunningProxy;
  readonly port: number;
  /** In the order of the rows. */
  readonly bad: readonly Peer[];
  readonly good: readonly Peer[];
}

function location(path: string, side: Side, peer: Peer): string {
  return `location = ${path} { proxy_pass https://${peer.address}/page; ${side.directives} }`;
}

function startPeers(t: TestContext, sides: readonly Side[]): Promise<Peer[]> {
  return Promise.all(sides.map((side) => side.start(t)));
}

async function startMatrix(t: TestContext): Promise<Matrix> {
  const bad = await startPeers(
    t,
    rows.map((row) => row.bad),
  );
  const good = await startPeers(
    t,
    rows.map((row) => row.good),
  );
  const { proxy, port } = await startLocations(t, [
    ...bad.map((peer, i) => location(`/bad/${i}`, rows[i]?.bad ?? never(i), peer)),
    ...good.map((peer, i) => location(`/good/${i}`, rows[i]?.good ?? never(i), peer)),
  ]);
  return { proxy, port, bad, good };
}

async function startLocations(
  t: TestContext,
  locations: readonly string[],
): Promise<{ readonly proxy: RunningProxy; readonly port: number }> {
  const port = await freePort();
  const proxy = await startProxy(
    `http { log_format hop "$uri $status $upstream_ssl_verify"; access_log access.log hop;
      server { listen 127.0.0.1:${port}; ${locations.join('\n')} } }`,
    { scope: t },
  );
  return { proxy, port };
}

function never(i: number): never {
  throw new Error(`no row ${i}`);
}

/** What the client got, in the order of the rows. */
interface Responses {
  readonly bad: readonly RawResponse[];
  readonly good: readonly RawResponse[];
}

async function askAll({ port }: Matrix): Promise<Responses> {
  const bad: RawResponse[] = [];
  const good: RawResponse[] = [];
  for (const i of rows.keys()) {
    bad.push(await request({ port, path: `/bad/${i}` }));
    good.push(await request({ port, path: `/good/${i}` }));
  }
  return { bad, good };
}

async function wasRefused(matrix: Matrix, i: number, response: RawResponse): Promise<void> {
  const row = rows[i] ?? never(i);
  const path = `/bad/${i}`;
  assert.equal(response.status, 502, 'it was not refused');
  saysNothing(response);
  assert.equal(await accessLine(matrix.proxy, path), `${path} 502 FAILED:${row.code}`);
  const line = errorLine(matrix.proxy, path);
  assert.ok(line.includes(` ${row.code}: `), line);
  assert.match(line, row.says);
  const [, mend = ''] = line.split('to mend this: ');
  assert.match(mend, row.mend, line);
  if (row.presents === undefined) return;
  const { notBefore, notAfter } = row.presents.certificate;
  assert.match(line, /wanted "[^"]+" at 127\.0\.0\.1:\d+; presented names /);
  assert.match(line, /chain: "CN=/);
  assert.ok(line.includes(`sha256 ${fingerprintOf(row.presents)}`), line);
  assert.deepEqual(datesIn(line), [notBefore, notAfter].map(wholeSeconds), line);
}

// What of the inside a page could give away.
function saysNothing({ raw }: RawResponse): void {
  const shown = raw.toString('latin1').replace(/Date: .*/, '');
  assert.doesNotMatch(shown, /TLS|SSL|cert|CA\b|root|a\.test|127\.0\.0\.1/i);
}

function datesIn(line: string): number[] {
  const found = /valid from (.+? GMT) to (.+? GMT)/.exec(line) ?? [];
  return found.slice(1).map((text) => Date.parse(text));
}

function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}

async function hasAnswered(matrix: Matrix, i: number, response: RawResponse): Promise<void> {
  const path = `/good/${i}`;
  assert.equal(response.status, 200, errorLines(matrix.proxy, path).join('\n'));
  assert.equal(response.body.toString(), 'hello');
  assert.equal(await accessLine(matrix.proxy, path), `${path} 200 SUCCESS`);
  assert.deepEqual(errorLines(matrix.proxy, path), []);
  await eventually('the request at the server', () => matrix.good[i]?.sawRequest());
}

test('each hostile upstream is refused, and its twin is not', skip, async (t) => {
  const matrix = await startMatrix(t);
  const { bad, good } = await askAll(matrix);
  for (const [i, row] of rows.entries()) {
    await t.test(`${row.name}: ${row.code}`, () => wasRefused(matrix, i, bad[i] ?? never(i)));
    await t.test(`without that (${row.name}) it answers`, () =>
      hasAnswered(matrix, i, good[i] ?? never(i)),
    );
  }
  // Last, so that whatever was sent has arrived by now.
  await t.test('none of the refused got a byte of a request', () => {
    const talkedTo = rows.filter((_, i) => matrix.bad[i]?.sawRequest() !== false);
    assert.deepEqual(
      talkedTo.map((row) => row.name),
      [],
    );
  });
});

// What is wrong with a handshake itself cannot be let through; what is wrong with a certificate can.
test('in report mode a bad certificate passes, and the log has the same code', skip, async (t) => {
  const peers = await startPeers(
    t,
    rows.map((row) => row.bad),
  );
  const { proxy, port } = await startLocations(
    t,
    peers.map((peer, i) => {
      const { start, directives } = rows[i]?.bad ?? never(i);
      const side = { start, directives: `${directives} proxy_ssl_verify report;` };
      return location(`/${i}`, side, peer);
    }),
  );
  const responses: RawResponse[] = [];
  for (const i of rows.keys()) responses.push(await request({ port, path: `/${i}` }));
  for (const [i, row] of rows.entries()) {
    const passes = row.presents !== undefined;
    await t.test(`${row.name} ${passes ? 'passes' : 'does not'}`, async () => {
      assert.equal(responses[i]?.status, passes ? 200 : 502);
      const verdict = `${passes ? '200 REPORTED' : '502 FAILED'}:${row.code}`;
      assert.equal(await accessLine(proxy, `/${i}`), `/${i} ${verdict}`);
      assert.ok(errorLine(proxy, `/${i}`).includes(` ${row.code}: `));
    });
  }
});

test('every failure of TLS towards an upstream is in the matrix', skip, () => {
  const produced = new Set<string>(rows.map((row) => row.code));
  // A session that we withdraw ourselves is no hostility: session-withdrawn.test.ts.
  const missing = Object.entries(upstreamTlsErrorRows)
    .filter(([code, { retry }]) => retry !== 'if-resumed' && !produced.has(code))
    .map(([code]) => code);
  assert.deepEqual(missing, []);
});

test('no two rows of the matrix have the same name', () => {
  const names = rows.map((row) => row.name);
  assert.deepEqual([...new Set(names)], names);
});
