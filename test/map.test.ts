// `map` beside real nginx: which value is chosen, what its regular expressions capture, when it is
// worked out; and its errors.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { checkConfig, nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';
import { formatDiagnostic, loadConfig } from '../src/index.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  fs.writeFileSync(`${site.folder}/colours.map`, 'red included-red;\n"dark blue" navy;\n');
  return text(site);
}

const text = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  upstream group { server ${upstream}; keepalive 4; }
  log_format top "$below";
  map $arg_v $plain {
    default other;
    one first;
    Two second;
    "" empty;
    "with space" spaced;
    é accented;
    É capital-accented;
    \\default literal-default;
    \\hostnames literal-hostnames;
    \\~tilde literal-tilde;
    \\\\back literal-back;
    \\include literal-include;
    $dollar literal-dollar;
    default.x not-default;
  }
  map $arg_v $no_default { a A; }
  map $arg_v $expression {
    default none;
    exact exact-wins;
    ~^exa expression;
    ~^([a-z]+)-(\\d+)$ "$2-$1";
    ~*^CASE(?<below>.*)$ "rest=$below";
    "~^q{2}$" braces;
    ~é bytes;
    ~^first1 one;
    ~^first two;
    ~^(?<whole>(?<part>x)?y)z? "$whole/$part";
  }
  map $http_host $by_host {
    hostnames;
    default other;
    example.test exact;
    *.example.test star;
    *.deep.example.test deeper;
    .dotted.test dotted;
    www.* www;
    www.name.* www-name;
    a.b.* ab;
    ~^re\\.(?<host_tail>.+)$ re-$host_tail;
    MiXed.Test mixed;
  }
  map $arg_v $stars_before { *.example.test literal; hostnames; *.other.test star; }
  map $arg_a$arg_b $two { xy both; default "$arg_a|$arg_b"; }
  map "$arg_a:$arg_b" $complex { x:y both; ~^(.*):(.*)$ "$2:$1"; }
  map constant $of_constant { constant yes; default no; }
  map $arg_v $chained { default "<$plain>"; three $two; }
  map $arg_v $colour { include colours.map; green own; default none; }
  map $uri $kept { default "$uri"; }
  map $uri $fresh { volatile; default "$uri"; }
  map $plain $settable { default from-map; }
  map $loop_b $loop_a { default a; "" inner-a; }
  map $loop_a $loop_b { default b-$loop_a; "" inner-b; a after-a; }
  map $arg_v $arg_defined { default taken; }
  map $arg_v $later { default $earlier_set; }
  server {
    listen 127.0.0.1:${port};
    location /plain { return 200 "[$plain][$no_default]"; }
    location /expression { return 200 "[$expression]"; }
    location /captures { return 200 "$expression [$1][$2][$below]"; }
    location ~ ^/over(.)(.) { return 200 "$1$2 $expression $1$2"; }
    location /host { return 200 "[$by_host][$host_tail]"; }
    location /stars { return 200 "[$stars_before]"; }
    location /two { return 200 "[$two][$complex][$of_constant]"; }
    location /chained { return 200 "[$chained]"; }
    location /colour { return 200 "[$colour]"; }
    location /kept { set $before "$kept $fresh"; rewrite ^ /again last; }
    location /again { return 200 "[$before][$kept $fresh]"; }
    location /set { set $before $settable; set $settable mine; return 200 "[$before][$settable]"; }
    location /set-first { set $settable mine; return 200 "[$settable]"; }
    location /cycle { return 200 "[$loop_a][$loop_b]"; }
    location /cycle-b { return 200 "[$loop_b][$loop_a]"; }
    location /family { return 200 "[$arg_defined]"; }
    location /later { set $earlier_set set; return 200 "[$later]"; }
    location /if { if ($plain = first) { return 200 "if first"; } return 200 "if not"; }
    location /passed/ {
      proxy_pass http://group;
      proxy_set_header X-Map $plain;
      proxy_set_header X-Expression $expression;
      proxy_set_header Connection "";
    }
  }
}`;

const words = [
  '',
  'one',
  'ONE',
  'two',
  'Two',
  'none',
  'with space',
  'é',
  'É',
  'default',
  'DEFAULT',
  'hostnames',
  '~tilde',
  '\\back',
  'back',
  'include',
  '$dollar',
  'default.x',
  'a',
  'exact',
  'exactly',
  'EXACTLY',
  'abc-12',
  'ABC-12',
  'case-rest',
  'CASE',
  'xcase',
  'qq',
  'q',
  'first1',
  'first2',
  'xyz',
  'yz',
  'y',
  'red',
  'RED',
  'dark blue',
  'green',
  'three',
  '*.example.test',
  'a.example.test',
  'a.other.test',
];

const hosts = [
  'example.test',
  'EXAMPLE.test',
  'example.test.',
  'a.example.test',
  'a.b.example.test',
  'deep.example.test',
  'x.deep.example.test',
  'dotted.test',
  'x.dotted.test',
  'xdotted.test',
  'www.anything',
  'www.anything.at.all',
  'www.name.org',
  'www.name',
  'www',
  'a.b.c',
  'a.b',
  're.some.host',
  're.',
  'mixed.test',
  'none.test',
];

/** Sent raw: a variable sees an argument as it is written, bytes included. */
function withArgument(path: string, value: string): ComparedRequest {
  const target = `${path}?v=${value}`;
  const raw = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return { name: target, raw };
}

const requests: ComparedRequest[] = [
  ...words
    .filter((word) => !word.includes(' '))
    .flatMap((word) =>
      ['/plain', '/expression', '/captures', '/stars', '/chained', '/colour', '/if'].map((path) =>
        withArgument(path, word),
      ),
    ),
  ...hosts.map((host) => ({ path: '/host', headers: { Host: host }, name: `host ${host}` })),
  ...['a=x&b=y', 'a=x', 'b=y', '', 'a=q&b=r'].map((query) => ({ path: `/two?${query}` })),
  ...['/kept', '/set', '/set-first', '/cycle', '/cycle-b', '/family?v=1', '/later'].map((path) => ({
    path,
  })),
  { path: '/overab?v=none' },
  ...['/overab?v=abc-12', '/overab?v=first1'].map((path) => ({
    path,
    differs: 'nginx evaluates a text twice, the first time for its length: $1 is then no longer $1',
  })),
  ...['/passed/x?v=one', '/passed/x?v=abc-7', '/passed/x'].map((path) => ({ path })),
];

test('map chooses what nginx chooses', { skip, timeout: 60_000 }, async (t) => {
  const comparison = { proxy: proxyStarter, config, requests, scope: t };
  assertSameAsNginx(await compareWithNginx(comparison));
});

const cycles = (port: number): string => `
events {}
http {
  map $b $a { default a; "" inner-a; }
  map $a $b { default b; "" inner-b; }
  server { listen 127.0.0.1:${port}; location / { return 200 "$a$b"; } }
}`;

test('a cycle of maps is logged as nginx logs it', { skip }, async (t) => {
  const [ours = 0, theirs = 0] = await freePorts(2);
  const proxy = await startProxy(cycles(ours), { scope: t });
  const nginx = await startNginx(cycles(theirs), { scope: t });
  const lines = async (port: number, log: () => string): Promise<string[]> => {
    const connection = await RawConnection.open({ port });
    await connection.request({ path: '/' });
    connection.close();
    const found = log().match(/\[error\].*cycle while evaluating variable "\w+"/g) ?? [];
    // nginx evaluates a text twice, the first time for its length, and complains each time.
    return [...new Set(found.map((line) => line.replace(/^.*cycle/, 'cycle')))];
  };
  const wanted = await lines(theirs, () => nginx.errorLog());
  assert.equal(wanted.length, 1);
  assert.deepEqual(await lines(ours, () => proxy.errorLog()), wanted);
});

test('a cycle of volatile maps with two references each ends', async (t) => {
  const [port = 0] = await freePorts(1);
  const maps = 'map "$self$self$other" $self { volatile; default "x$self"; "" end; }'.concat(
    'map "$other$self" $other { volatile; default "y$other$self"; "" end; }',
  );
  await startProxy(
    `http { ${maps} server { listen 127.0.0.1:${port}; return 200 "$self$other"; } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  const { status } = await connection.request({ path: '/' });
  connection.close();
  assert.equal(status, 200);
});

test('a map of 10,000 entries finds each of them, whatever their case', async (t) => {
  const [port = 0] = await freePorts(1);
  const entries = Array.from({ length: 10_000 }, (_, i) => `Key-${i} value-${i};`).join('\n');
  await startProxy(
    `http { map $arg_k $v { default none; ${entries} }
      server { listen 127.0.0.1:${port}; return 200 "$v"; } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  for (const i of [0, 1, 4999, 9999, 10_000]) {
    const { body } = await connection.request({ path: `/?k=kEY-${i}` });
    assert.equal(body.toString(), i < 10_000 ? `value-${i}` : 'none');
  }
  connection.close();
});

/** Blocks in `http` that are refused. */
const refused: readonly string[] = [
  'map $arg_a b { }',
  'map $arg_a $b { one; }',
  'map $arg_a $b { one two three; }',
  'map $arg_a $b { default one; default two; }',
  'map $arg_a $b { one 1; ONE 2; }',
  'map $arg_a $b { hostnames; .a.test 1; a.test 2; }',
  'map $arg_a $b { hostnames; a.test 1; .a.test 2; }',
  'map $arg_a $b { hostnames; *.a.test 1; .a.test 2; }',
  'map $arg_a $b { hostnames; a.* 1; A.* 2; }',
  'map $arg_a $b { hostnames; * 1; }',
  'map $arg_a $b { hostnames; a.*.b 1; }',
  'map $arg_a $b { hostnames; *.a.* 1; }',
  'map $arg_a $b { hostnames; a..b 1; }',
  'map $arg_a $uri { }',
  'map $arg_a { }',
  'map $arg_a $b $c { }',
  'map $arg_a $b;',
  'map $arg_a $b { one { } }',
  'map $arg_a $ { }',
];

test('what map refuses, and in which words, is as in nginx', { skip }, async (t) => {
  for (const block of refused) {
    const folder = tempFolder(t);
    const conf = `events {}\nhttp {\n${block}\n}\n`;
    const theirs = checkConfig(conf, { folder });
    assert.equal(theirs.ok, false, block);
    const words = /^\[emerg\] (.*) in nginx\.conf:(\d+)$/m.exec(theirs.messages.join('\n'));
    const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
    assert.ok(!loaded.ok, block);
    const ours = loaded.diagnostics.map((one) => formatDiagnostic(one)).join('\n');
    assert.ok(ours.includes(`${words?.[1] ?? '?'} in ${folder}/x.conf:${words?.[2] ?? ''}:`), ours);
  }
});

test('an unknown variable in a map is an error', async (t) => {
  const folder = tempFolder(t);
  for (const block of ['map $nothing $b { }', 'map $uri $b { a $nothing; }']) {
    const conf = `events {}\nhttp { ${block} }\n`;
    const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
    assert.ok(!loaded.ok);
    const [first] = loaded.diagnostics;
    assert.equal(first?.message, 'unknown "nothing" variable');
  }
});
