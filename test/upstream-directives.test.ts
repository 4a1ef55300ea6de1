// What may stand in an `upstream` block, in which order, and what is said where it may not: in nginx's
// words where Debian's nginx has the directive, else as its documentation has it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

function config(body: string): string {
  return `events { }\nhttp { access_log off; upstream backend {\n${body}\n} }\n`;
}

/** Severity, words and line. */
async function said(text: string, folder: string): Promise<string[]> {
  const loaded = await loadConfig({ file: path.join(folder, 'nginx.conf'), text, prefix: folder });
  return loaded.diagnostics.map(({ severity, message, at }) => {
    const level = severity === 'error' ? 'emerg' : 'warn';
    return `[${level}] ${message} :${at?.line ?? 0}`;
  });
}

const two = 'server 127.0.0.1:1;\nserver 127.0.0.1:2;';

/** Both accept these, or say the same. */
const same: readonly string[] = [
  `least_conn;\n${two}`,
  `${two}\nleast_conn;`,
  `ip_hash;\nip_hash;\n${two}`,
  `least_conn;\nrandom two;\n${two}`,
  `hash $uri;\nhash $args consistent;\n${two}`,
  `keepalive 5;\nleast_conn;\n${two}`,
  `least_conn;\nkeepalive 5;\n${two}`,
  `${two}\nkeepalive 5;\nhash $uri;`,
  `hash;\n${two}`,
  `hash $uri wrong;\n${two}`,
  `hash $uri consistent more;\n${two}`,
  `hash $nonexistent;\n${two}`,
  `least_conn now;\n${two}`,
  `ip_hash 1;\n${two}`,
  `random one;\n${two}`,
  `random two least;\n${two}`,
  `random two least_conn more;\n${two}`,
  'ip_hash;\nserver 127.0.0.1:1;\nserver 127.0.0.1:2 backup;',
  'hash $uri;\nserver 127.0.0.1:1;\nserver 127.0.0.1:2 backup;',
  'hash $uri consistent;\nserver 127.0.0.1:1;\nserver 127.0.0.1:2 backup;',
  'random;\nserver 127.0.0.1:1;\nserver 127.0.0.1:2 backup;',
  'least_conn;\nserver 127.0.0.1:1;\nserver 127.0.0.1:2 backup;',
  'server 127.0.0.1:1;\nserver 127.0.0.1:2 backup;\nip_hash;',
  'ip_hash;\nserver 127.0.0.1:1 weight=2 max_fails=3 fail_timeout=5 max_conns=4 down;',
  `zone backend 64k;\n${two}`,
  `zone backend 1k;\n${two}`,
  `zone backend nonsense;\n${two}`,
  `zone backend 64k more;\n${two}`,
  `zone;\n${two}`,
  `zone "" 64k;\n${two}`,
];

test('order and arguments: what nginx accepts or says, we do too', { skip }, async (t) => {
  const folder = tempFolder(t);
  const problems: string[] = [];
  for (const body of same) {
    const verdict = checkConfig(config(body), { folder });
    const theirs = verdict.messages
      .filter((line) => /^\[(emerg|warn)\]/.test(line))
      .map((line) => line.replace(/ in nginx\.conf:(\d+)$/, ' :$1'));
    // Some of nginx's messages come after the file was read, without a line.
    const placed = theirs.every((line) => / :\d+$/.test(line));
    const ours = (await said(config(body), folder)).map((line) =>
      placed ? line : line.replace(/ :\d+$/, ''),
    );
    if (ours.join('\n') !== theirs.join('\n')) {
      problems.push(`${body}\n  nginx: ${theirs.join(' | ')}\n  we: ${ours.join(' | ')}`);
    }
  }
  assert.ok(problems.length === 0, problems.join('\n'));
});

/** Newer than Debian's nginx; null where all is well. */
const newer: readonly (readonly [body: string, expected: string | null])[] = [
  [`least_time header;\n${two}`, null],
  [`least_time last_byte inflight;\n${two} server 127.0.0.1:3 backup;`, null],
  [`least_time connect;\n${two}`, '[emerg] invalid value "connect" :3'],
  [`least_time header now;\n${two}`, '[emerg] invalid parameter "now" :3'],
  [`least_conn;\nleast_time header;\n${two}`, '[warn] load balancing method redefined :4'],
  [`random two least_time=header;\n${two}`, null],
  [`random two least_time=connect;\n${two}`, '[emerg] invalid parameter "least_time=connect" :3'],
  [`zone z;\n${two}`, '[emerg] zero size shared memory zone "z" :3'],
  [
    `zone z 64k;\n${two}\n}\nupstream other {\nzone z 128k;\n${two}`,
    '[emerg] the size 131072 of shared memory zone "z" conflicts with already declared size 65536 :8',
  ],
  [`zone z 64k;\n${two}\n}\nupstream other {\nzone z;\n${two}`, null],
  [
    `zone z 64k;\n${two}\n}\nlimit_req_zone $uri zone=z:1m rate=1r/s;\nupstream other {\n${two}`,
    '[emerg] the shared memory zone "z" is already declared for a different use',
  ],
  ['server 127.0.0.1:1 backup;', '[emerg] no servers in upstream "backend" :2'],
  [`server 127.0.0.1:3 drain route=a slow_start=30s;\n${two}`, null],
  [`server 127.0.0.1:3 route=;\n${two}`, '[emerg] invalid parameter "route=" :3'],
  [`server 127.0.0.1:3 slow_start=x;\n${two}`, '[emerg] invalid parameter "slow_start=x" :3'],
  [
    `ip_hash;\nserver 127.0.0.1:3 slow_start=5s;\n${two}`,
    '[emerg] balancing method does not support parameter "slow_start=5s" :4',
  ],
  [`queue 5;\n${two}`, null],
  [`queue 5 timeout=300ms;\n${two}`, null],
  [`queue x;\n${two}`, '[emerg] invalid number of requests "x" :3'],
  [`queue 5 time=3;\n${two}`, '[emerg] invalid parameter "time=3" :3'],
  [`queue 5;\nleast_conn;\n${two}`, '[warn] load balancing method redefined :4'],
  [`sticky cookie srv;\nleast_conn;\n${two}`, '[warn] load balancing method redefined :4'],
  [`sticky cookie a;\nsticky cookie b;\n${two}`, '[emerg] "sticky" directive is duplicate :4'],
  [`sticky cake a;\n${two}`, '[emerg] unknown parameter "cake" :3'],
  [`sticky cookie "";\n${two}`, '[emerg] empty cookie name :3'],
  [`sticky cookie a expires=x;\n${two}`, '[emerg] invalid "expires" parameter value :3'],
  [`sticky cookie a path=;\n${two}`, '[emerg] no value for "path" :3'],
  [`sticky cookie a secure secure;\n${two}`, '[emerg] parameter "secure" is duplicate :3'],
  [`sticky cookie a samesite=x;\n${two}`, '[emerg] invalid "samesite" parameter value :3'],
  [`sticky cookie a samesite=$arg_x expires=max domain=.$host;\n${two}`, null],
  [`sticky cookie a flavour=b;\n${two}`, '[emerg] unknown parameter "flavour=b" :3'],
  [`sticky route route;\n${two}`, '[emerg] invalid variable name "route" :3'],
  [`sticky route $nonexistent;\n${two}`, '[emerg] unknown "nonexistent" variable :3'],
  [`sticky learn create=$uri lookup=$uri;\n${two}`, '[emerg] "zone" parameter is not specified :3'],
  [`sticky learn create=$uri zone=z:1m;\n${two}`, '[emerg] "lookup" parameter is not specified :3'],
  [
    `sticky learn create=uri lookup=$uri zone=z:1m;\n${two}`,
    '[emerg] missing variable in the "create" parameter :3',
  ],
  [`sticky learn create=$uri lookup=$uri zone=z:1k;\n${two}`, '[emerg] zone is too small :3'],
  [`sticky learn create=$uri lookup=$uri zone=z;\n${two}`, '[emerg] zone size is not specified :3'],
  [
    `sticky learn create=$uri lookup=$uri zone=z:1m timeout=0;\n${two}`,
    '[emerg] invalid timeout :3',
  ],
  [
    `sticky learn create=$uri lookup=$uri zone=z:1m sync;\n${two}`,
    '[warn] "sync" has no effect: sessions are not shared between machines :3',
  ],
  [
    `zone z 64k;\nsticky learn create=$uri lookup=$uri zone=z:1m;\n${two}`,
    '[emerg] the shared memory zone "z" is already declared for a different use',
  ],
];

test("what is newer than Debian's nginx is checked as its documentation has it", async (t) => {
  const folder = tempFolder(t);
  const problems: string[] = [];
  for (const [body, expected] of newer) {
    const ours = await said(config(body), folder);
    const right = expected === null ? ours.length === 0 : ours[0]?.startsWith(expected) === true;
    if (!right || ours.length > 1) problems.push(`${body}\n  ${ours.join(' | ')}\n  ${expected}`);
  }
  assert.ok(problems.length === 0, problems.join('\n'));
});
