// `userid` beside nginx: which cookies are given, taken and sent anew. What differs in every cookie,
// its value and the time of its end, is looked at by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { lines } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { headerValue } from './kit/message.ts';

const skip = !nginxAvailable;
const known = 'fwAAAWWUYAAAAAAAAgMDAw==';

const locations: Readonly<Record<string, string>> = {
  off: '',
  on: 'userid on;',
  v1: 'userid v1;',
  log: 'userid log;',
  named: 'userid on; userid_name Visitor;',
  full: `userid on; userid_domain .example.org; userid_path /a; userid_expires 1d;
    userid_flags secure httponly samesite=lax; userid_p3p 'policyref="/p3p.xml"'; userid_service 7;`,
  max: 'userid on; userid_expires max; userid_domain none; userid_p3p none; userid_flags off;',
  strict: 'userid on; userid_flags samesite=strict;',
  none: 'userid on; userid_flags samesite=none secure;',
  marked: 'userid on; userid_mark Z;',
  equals: 'userid on; userid_mark =;',
  reset: 'userid on; set $uid_reset $arg_reset;',
};

const cookies = [
  `uid=${known}`,
  `UID=${known}`,
  `Visitor=${known}`,
  `a=b; uid=${known}; c=d`,
  `uid=${known.slice(0, 22)}Z=`,
  `uid=${known.slice(0, 22)}`,
  'uid=short',
  'uid=',
  'uid=!!!!!!!!!!!!!!!!!!!!!!',
  'uid=AAAAAAAAAAAAAAAAAAAAAA==',
];

const requests: ComparedRequest[] = Object.keys(locations).flatMap((name) => [
  { path: `/${name}` },
  ...cookies.map((cookie) => ({
    name: `/${name} ${cookie}`,
    path: `/${name}`,
    headers: { Cookie: cookie },
  })),
]);
requests.push(
  ...['', '0', '1', 'log', 'x'].map((reset) => ({
    path: `/reset?reset=${reset}`,
    headers: { Cookie: `uid=${known}` },
  })),
  { path: '/file', headers: { Cookie: `uid=${known}` } },
  { path: '/file' },
  { path: '/redirect' },
);

function config(port: number): string {
  const blocks = Object.entries(locations).map(
    ([name, lines]) => `location /${name} { ${lines} return 200 "[$uid_got]"; }`,
  );
  return `events {} http { server_tokens off; server { listen 127.0.0.1:${port};
    ${blocks.join('\n')}
    location /file { userid on; }
    location /redirect { userid on; return 302 /x; } } }`;
}

// A new cookie's value, and the time of its end, are never the same twice.
function withoutChance([name, value]: readonly [string, string]): readonly [string, string] {
  if (name !== 'set-cookie' || value.includes(known.slice(0, 22))) return [name, value];
  const text = value
    .replace(/=[A-Za-z0-9+/]{22}/, '=VALUE')
    .replace(/expires=\w{3}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT/, 'expires=DATE');
  return [name, value.includes('31-Dec-37') ? value.replace(/=[A-Za-z0-9+/]{22}/, '=VALUE') : text];
}

test('cookies are given and taken as by nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port }) => config(port),
    requests,
  });
  const comparable = pairs.map((pair) => {
    const [nginx, proxy] = [pair.nginx, pair.proxy].map((side) => ({
      ...side,
      answers: side.answers.map((answer) => ({
        ...answer,
        headers: answer.headers.map(withoutChance),
      })),
    }));
    assert.ok(nginx !== undefined && proxy !== undefined);
    return { ...pair, nginx, proxy };
  });
  assertSameAsNginx(comparable);
});

test('each client gets a user of its own, and is known by it', async (t) => {
  const port = await freePort();
  const { accessLog } = await startProxy(
    `http { log_format ids "$uid_got|$uid_set"; access_log access.log ids;
      server { listen 127.0.0.1:${port}; userid on; userid_service 258; location / { return 200 x; } } }`,
    { scope: t },
  );
  const ask = async (cookie?: string): Promise<string | undefined> => {
    const connection = await RawConnection.open({ port });
    const headers = cookie === undefined ? {} : { Cookie: cookie };
    const response = await connection.request({ path: '/', headers });
    connection.close();
    return headerValue(response.headers, 'set-cookie');
  };
  const given = [await ask(), await ask(), await ask()].map((line) => line?.split(';')[0] ?? '');
  assert.equal(new Set(given).size, 3);
  const bytes = given.map((line) => Buffer.from(line.slice('uid='.length), 'base64'));
  assert.deepEqual(
    bytes.map((one) => one.readUInt32BE(0)),
    [258, 258, 258],
  );
  assert.equal(await ask(given[0]), undefined);
  const log = await lines(accessLog, 4);
  assert.match(log[0] ?? '', /^-\|uid=02010000[0-9A-F]{24}$/);
  assert.equal(log[3], `${log[0]?.slice(2) ?? ''}|-`);
});
