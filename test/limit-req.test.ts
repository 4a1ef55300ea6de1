// `limit_req` beside real nginx: which requests of a burst pass, what the status, the variable and
// the error log say. The rates are so low that no request more is earned while a test runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { loadConfig } from '../src/index.ts';
import { eventually } from './kit/eventually.ts';
import { checkConfig, nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const http = `
  limit_req_zone $arg_key zone=slow:1m rate=1r/m;
  limit_req_zone $arg_other zone=other:1m rate=2r/m;
  limit_req_zone "$arg_key$uri" zone=joined:1m rate=1r/m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  add_header X-Limit "[$limit_req_status]" always;
`;

const locations = (upstream: string): string => `
    location /plain/ { limit_req zone=slow; proxy_pass http://${upstream}; }
    location /burst/ { limit_req zone=slow burst=3 nodelay; proxy_pass http://${upstream}; }
    location /delay/ { limit_req zone=slow burst=4 delay=4; try_files /none =204; }
    location /file/ { limit_req zone=slow burst=2 nodelay; try_files /none =204; }
    location /status/ {
      limit_req zone=slow; limit_req_status 429; limit_req_log_level info;
      error_page 429 = @limited;
      try_files /none =204;
    }
    location @limited { return 429 "[$limit_req_status] $uri"; }
    location /dry/ { limit_req zone=slow; limit_req_dry_run on; try_files /none =204; }
    location /dry-delay/ { limit_req zone=slow burst=5; limit_req_dry_run on; try_files /none =204; }
    location /two/ {
      limit_req zone=slow burst=4 nodelay;
      limit_req zone=other burst=2 nodelay;
      try_files /none =204;
    }
    location /twice/ { limit_req zone=slow burst=1 nodelay; error_page 404 = /burst/page; try_files /none =404; }
    location /outer/ {
      limit_req zone=slow;
      location /outer/own/ { limit_req zone=other; try_files /none =204; }
      location /outer/same/ { try_files /none =204; }
    }
    location /joined/ { limit_req zone=joined; try_files /none =204; }
    location /if/ { limit_req zone=slow; if ($arg_a) { add_header X-If yes always; } try_files /none =204; }
    location /none/ { try_files /none =204; }
    location /asked/ { auth_request /question; try_files /none =204; }
    location /asking/ { limit_req zone=slow; auth_request /question; try_files /none =204; }
    location = /question { limit_req zone=slow burst=1 nodelay; try_files /none =204; }
`;

const config = ({ port, upstreams: { upstream } }: Site<'upstream'>): string => `
events {}
http {
  ${http}
  server { listen 127.0.0.1:${port}; ${locations(upstream)} }
}`;

function times(count: number, path: string): ComparedRequest[] {
  return Array.from({ length: count }, (_, i) => ({ path, name: `${path} ${i}` }));
}

const requests: ComparedRequest[] = [
  ...times(3, '/plain/?key=plain'),
  ...times(2, '/plain/?key=plain2'),
  ...times(3, '/plain/'),
  ...times(6, '/burst/?key=burst'),
  ...times(4, '/file/?key=file'),
  ...times(6, '/delay/?key=delay'),
  ...times(3, '/status/?key=status'),
  ...times(3, '/dry/?key=dry'),
  ...times(3, '/dry-delay/?key=drydelay'),
  ...times(7, '/two/?key=two'),
  ...times(6, '/two/?key=two2&other=x'),
  ...times(2, '/two/?other=x'),
  ...times(3, '/twice/?key=twice'),
  ...times(2, '/outer/same/?key=outer'),
  ...times(2, '/outer/own/?key=outer2'),
  ...times(2, '/outer/own/?other=outer'),
  ...times(2, '/joined/a?key=x'),
  ...times(2, '/joined/b?key=x'),
  ...times(2, '/if/?key=if&a=1'),
  ...times(4, '/asked/?key=asked'),
  ...times(2, '/asking/?key=asking'),
  ...times(1, '/none/?key=plain'),
];

test('the same requests of bursts pass as in nginx', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t });
  assertSameAsNginx(pairs);
});

// What the log says of limits, without time, process, and the thousandths that time drains.
function limitLines(log: string): string[] {
  return log.split('\n').flatMap((line) => {
    const match = /\[\w+\] \S+ \*\d+ (.*(?:limiting|delaying) .*)/.exec(line);
    const level = /\[\w+\]/.exec(line)?.[0] ?? '';
    return match === null
      ? []
      : [`${level} ${(match[1] ?? '').replace(/excess: \d+\.\d{3}/, 'excess: N')}`];
  });
}

test('the error log has the lines of nginx', { skip }, async (t) => {
  const [port = 0, other = 0] = await freePorts(2);
  const text = (listen: number): string =>
    config({ port: listen, ports: [], folder: '', upstreams: { upstream: '127.0.0.1:9' } });
  const proxy = await startProxy(text(port), { scope: t });
  const nginx = await startNginx(text(other), { scope: t });
  for (const path of ['/file/?key=a', '/dry/?key=b', '/status/?key=c', '/dry-delay/?key=d']) {
    for (let i = 0; i < 4; i += 1) {
      await request({ port, path });
      await request({ port: other, path });
    }
  }
  await eventually('the lines of nginx', () => limitLines(nginx.errorLog()).length === 10);
  await eventually('the lines', () => limitLines(proxy.errorLog()).length === 10);
  assert.deepEqual(limitLines(proxy.errorLog()), limitLines(nginx.errorLog()));
});

test('requests above the rate wait for their turn, and one whose client leaves gives up', async (t) => {
  const [port = 0] = await freePorts(1);
  const log = 'log_format l "$uri $status $limit_req_status"; access_log access.log l;';
  const proxy = await startProxy(
    `http { ${log} limit_req_zone $arg_key zone=z:1m rate=20r/s; server { listen 127.0.0.1:${port};
      location / { limit_req zone=z burst=10; try_files /none =204; }
      location /wait { limit_req zone=slow burst=10; try_files /none =204; } }
      limit_req_zone $uri zone=slow:1m rate=1r/m; }`,
    { scope: t },
  );
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => request({ port, path: '/?key=a' })),
  );
  // Never earlier than the rate allows; how much later depends on the machine.
  assert.ok(performance.now() - startedAt >= 190);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [204, 204, 204, 204, 204],
  );
  assert.equal((await request({ port, path: '/wait' })).status, 204);
  const waiting = await RawConnection.open({ port });
  await waiting.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the delay', () => proxy.errorLog().includes('delaying request'));
  waiting.close();
  await eventually('the log line', () => proxy.accessLog().includes('/wait 499 DELAYED'));
});

const refusedLines: readonly (readonly [string, string])[] = [
  ['limit_req_zone $uri zone=a rate=1r/s;', 'invalid zone size "zone=a"'],
  ['limit_req_zone $uri zone=a:x rate=1r/s;', 'invalid zone size "zone=a:x"'],
  ['limit_req_zone $uri zone=a:8k rate=1r/s;', 'zone "zone=a:8k" is too small'],
  ['limit_req_zone $uri zone=a:1m rate=0r/s;', 'invalid rate "rate=0r/s"'],
  ['limit_req_zone $uri zone=a:1m rate=1r/h;', 'invalid rate "rate=1r/h"'],
  ['limit_req_zone $uri zone=a:1m what=1;', 'invalid parameter "what=1"'],
  ['limit_req_zone $uri rate=1r/s rate=2r/s;', '"limit_req_zone" must have "zone" parameter'],
  ['limit_req_zone $nothing zone=a:1m rate=1r/s;', 'unknown "nothing" variable'],
  ['limit_req zone=b;', 'zero size shared memory zone "b"'],
  ['limit_req burst=1;', '"limit_req" must have "zone" parameter'],
  ['limit_req zone=z burst=0;', 'invalid burst value "burst=0"'],
  ['limit_req zone=z burst=x;', 'invalid burst value "burst=x"'],
  ['limit_req zone=z delay=0;', 'invalid delay value "delay=0"'],
  ['limit_req zone=z later;', 'invalid parameter "later"'],
  ['limit_req zone=z; limit_req zone=z;', '"limit_req" directive is duplicate'],
  ['limit_req_status 399;', 'value must be between 400 and 599'],
  ['limit_req_log_level debug;', 'invalid value "debug"'],
  ['limit_req_dry_run yes;', 'invalid value "yes" in "limit_req_dry_run" directive, it must be'],
  [
    'limit_req_zone $uri zone=z:1m rate=1r/s;',
    'limit_req_zone "z" is already bound to key "$arg_key"',
  ],
  [
    'limit_conn_zone $uri zone=z:1m;',
    'the shared memory zone "z" is already declared for a different use',
  ],
  ['limit_conn z 1;', 'the shared memory zone "z" is already declared for a different use'],
  ['limit_conn_zone $uri zone=c:1m; limit_conn c 0;', 'invalid number of connections "0"'],
  ['limit_conn_zone $uri zone=c:1m; limit_conn c x;', 'invalid number of connections "x"'],
  ['limit_conn_zone $uri zone=c:1m; limit_conn c 65536;', 'connection limit must be less 65536'],
  ['limit_conn_zone $uri zones=c:1m;', 'invalid parameter "zones=c:1m"'],
  [
    'limit_conn_zone $uri zone=c:1m; limit_conn c 1; limit_conn c 2;',
    '"limit_conn" directive is duplicate',
  ],
  ['limit_conn nowhere 1;', 'zero size shared memory zone "nowhere"'],
  ['limit_rate fast;', '"limit_rate" directive invalid value'],
  ['limit_rate_after 1x;', '"limit_rate_after" directive invalid value'],
];

test('what is wrong with limits is said in the words of nginx', { skip }, async () => {
  for (const [line, message] of refusedLines) {
    const text = `events {} http { limit_req_zone $arg_key zone=z:1m rate=1r/s;\n${line}\nserver { listen 127.0.0.1:1; } }`;
    const loaded = await loadConfig({ file: '/nginx.conf', text });
    const found = loaded.diagnostics.map((one) => one.message);
    assert.ok(found[0]?.startsWith(message), `${line}: ${JSON.stringify(found)}`);
    const theirs = checkConfig(text).messages.join('\n');
    assert.ok(theirs.includes(message), `${line}: nginx says ${theirs}`);
  }
});
