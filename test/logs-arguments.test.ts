// What `access_log`, `error_log`, `log_format` and `open_log_file_cache` take and refuse: the same
// as nginx, in its words and on its lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { disagreement } from './kit/config-verdicts.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { tempFolder } from './kit/temp-folder.ts';

const long = 'x'.repeat(110);

const accessLogs = [
  ...['off', 'off x', 'x.log', 'x.log combined', 'x.log missing', 'x.log buffer=3k', '/tmp'],
  ...['x.log;\naccess_log off', 'x.log;\naccess_log x.log', 'off;\naccess_log off'],
  ...['x.log combined buffer=4k;\naccess_log x.log combined buffer=5k'],
  ...['x.log combined buffer=4k;\naccess_log x.log combined buffer=4k flush=1s'],
  ...['x.log combined gzip;\naccess_log x.log combined gzip=1'],
  ...['x.log combined gzip=1;\naccess_log x.log combined gzip=2'],
  ...['x.log combined buffer=4k;\naccess_log x.log', 'nofolder/x.log', 'nofolder/x.log combined'],
  ...['x.log combined flush=3', 'x.log combined buffer=0', 'x.log combined buffer=x'],
  ...['x.log combined buffer=1k flush=0', 'x.log combined buffer=1k flush=x'],
  ...['x.log combined flush=1s buffer=1k', 'x.log combined gzip', 'x.log combined gzip=0'],
  ...['x.log combined gzip=9', 'x.log combined gzip=10', 'x.log combined gzip=x'],
  ...['x.log combined gzip=', 'x.log combined gzipx', 'x.log combined gzip flush=2m'],
  ...['x.log combined foo', 'x.log combined foo=1', 'x.log combined buffer'],
  ...['x.log combined if=', 'x.log combined if=$nosuch', 'x.log combined if=$arg_a'],
  ...['x$nosuch.log', 'x${nosuch.log', 'x$arg_a.log', 'x$arg_a.log combined if=1'],
  ...['x$arg_a.log combined buffer=3k', 'x$arg_a.log combined gzip'],
  ...['x$arg_a.log combined flush=1s'],
  ...['syslog:server=127.0.0.1 combined buffer=3k', 'syslog:server=127.0.0.1 combined gzip'],
  ...['syslog:server=127.0.0.1 combined if=$arg_a', 'syslog:server=127.0.0.1 missing'],
  ...['syslog:server=127.0.0.1 combined flush=1s'],
];

const syslogs = [
  ...['syslog:', 'syslog:server=', 'syslog:x', 'syslog:server=127.0.0.1', 'syslog:server=[::1]'],
  ...['syslog:server=127.0.0.1:1514', 'syslog:server=127.0.0.1:0', 'syslog:server=127.0.0.1:70000'],
  ...['syslog:server=127.0.0.1:x', 'syslog:server=localhost', 'syslog:server=nosuch.invalid'],
  ...['syslog:server=unix:', 'syslog:server=unix:/dev/log', `syslog:server=unix:/${long}`],
  ...['syslog:server=127.0.0.1,', 'syslog:server=127.0.0.1,,', 'syslog:facility=user'],
  ...['syslog:server=127.0.0.1,server=127.0.0.2', 'syslog:nohostname,server=127.0.0.1'],
  ...['syslog:server=127.0.0.1,facility=x', 'syslog:server=127.0.0.1,facility='],
  ...['syslog:server=127.0.0.1,facility=local8', 'syslog:server=127.0.0.1,facility=local0'],
  ...['syslog:server=127.0.0.1,facility=user,facility=x', 'syslog:server=127.0.0.1,severity=x'],
  ...['syslog:server=127.0.0.1,severity=debug', 'syslog:server=127.0.0.1,severity=info,severity=x'],
  ...['syslog:server=127.0.0.1,tag=', 'syslog:server=127.0.0.1,tag=a-b'],
  ...['syslog:server=127.0.0.1,tag=a_B9', 'syslog:server=127.0.0.1,tag=a,tag=b'],
  ...[`syslog:server=127.0.0.1,tag=${'x'.repeat(32)}`, `syslog:server=127.0.0.1,tag=${long}`],
  ...['syslog:server=127.0.0.1,nohostname,nohostname', 'syslog:server=127.0.0.1,nohostname=1'],
];

const errorLogs = [
  ...['x.log', 'x.log info', 'x.log foo', 'x.log info info', 'x.log info warn', 'x.log debug'],
  ...['x.log debug_http', 'x.log debug_http debug_core', 'x.log info debug_http', 'x.log debug_x'],
  ...['stderr', 'stderr info', 'stderr foo', 'stderr;\nerror_log x.log', 'nofolder/x.log'],
  ...['syslog:server=127.0.0.1 foo', 'syslog:server=127.0.0.1 warn', 'syslog:x warn'],
  ...['syslog:server=127.0.0.1,severity=info warn', 'syslog:server=nosuch.invalid'],
];

const formats = [
  ...['a x', 'a', 'a escape=json x', 'a escape=default x', 'a escape=none x', 'a escape=foo x'],
  ...['a escape=json', 'a $nosuch', 'a "$"', 'a "${uri"', 'combined x', 'a x;\nlog_format a y'],
  ...['upstream x', 'json x', 'a x escape=json', 'a "$uri" "$args" \'x\'', 'a "b$-c"', 'a "${}b"'],
];

const caches = [
  ...['off', 'max=3', 'max=0', 'max=3 off', 'off max=0', 'inactive=3s', 'max=x', 'max=3 foo=3'],
  ...['max=3;\nopen_log_file_cache off', 'max=3 valid=x', 'max=3 min_uses=0', 'max=3 inactive=x'],
  ...['max=3 inactive=1m valid=2m min_uses=2', 'max=3 valid=1ms', 'a b c d e', 'on'],
];

const server = 'server { listen 127.0.0.1:12999; }';
const groups: readonly (readonly [string, readonly string[], (text: string) => string])[] = [
  ['access_log', accessLogs, (text) => `access_log off; server {\naccess_log ${text};\n}`],
  ['access_log syslog:', syslogs, (text) => `access_log off; server {\naccess_log ${text};\n}`],
  ['error_log', errorLogs, (text) => `error_log ${text};\naccess_log off; ${server}`],
  ['error_log syslog:', syslogs, (text) => `error_log ${text};\naccess_log off; ${server}`],
  ['log_format', formats, (text) => `access_log off; log_format ${text};\n${server}`],
  [
    'open_log_file_cache',
    caches,
    (text) => `access_log off; open_log_file_cache ${text};\n${server}`,
  ],
];

for (const [name, cases, place] of groups) {
  test(`${name}: taken and refused as by nginx`, { skip: !nginxAvailable }, async (t) => {
    const folder = tempFolder(t);
    const problems: string[] = [];
    for (const one of cases) {
      const found = await disagreement(`events {}\nhttp {\n${place(one)}\n}\n`, folder);
      if (found !== null) problems.push(`${one}\n  ${found}`);
    }
    assert.equal(problems.join('\n'), '');
  });
}

test('"memory:" is refused in words', async (t) => {
  const folder = tempFolder(t);
  const text = 'error_log memory:32m debug; events {} http {}';
  const loaded = await loadConfig({ file: `${folder}/a.conf`, text, prefix: folder });
  assert.equal(loaded.ok, false);
  assert.equal(loaded.diagnostics[0]?.message, '"memory:" in "error_log" is not supported');
});
