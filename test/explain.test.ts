// `sallyport explain` by example: why this server, why this location, what goes out, as whom it is
// verified, and what is logged. Nothing is connected, and no log is written.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  Explainer,
  explanationText,
  type ExplainedRequest,
  type Explanation,
} from '../src/index.ts';
import { testPki } from './kit/pki.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';
import type { Scope } from './kit/scope.ts';

const program = path.join(import.meta.dirname, '..', 'bin', 'sallyport');

async function explainer(scope: Scope, http: string): Promise<Explainer> {
  const folder = tempFolder(scope);
  const file = writeIn(folder, 'nginx.conf', `events {}\nhttp {\n${http}\n}\n`);
  const known: Record<string, readonly string[]> = { 'api.internal': ['10.0.0.7'] };
  const { explainer: made, diagnostics } = await Explainer.load({
    file,
    prefix: `${folder}/`,
    lookup: (name) => Promise.resolve(known[name] ?? []),
  });
  assert.ok(made !== null, diagnostics.map(({ message }) => message).join('\n'));
  scope.after(() => made.dispose());
  return made;
}

async function explained(
  scope: Scope,
  http: string,
  request: ExplainedRequest,
): Promise<Explanation> {
  return await (await explainer(scope, http)).explain(request);
}

function fromLocations({ steps }: Explanation): string[] {
  return steps.flatMap((step) => (step.kind === 'location' ? [step.location] : []));
}

test('the server is the one of the name, by the kind of name, or the default', async (t) => {
  const one = await explainer(
    t,
    `server { listen 127.0.0.1:8080; server_name first.test; return 200; }
     server { listen 127.0.0.1:8080; server_name exact.test .dot.test; return 200; }
     server { listen 127.0.0.1:8080; server_name *.star.test; return 200; }
     server { listen 127.0.0.1:8080; server_name tail.*; return 200; }
     server { listen 127.0.0.1:8080; server_name "~^(re)"; return 200; }`,
  );
  const choice = async (host: string): Promise<string> => {
    const { server } = await one.explain({ url: `http://${host}:8080/` });
    return `${server.at?.line ?? 0} ${server.why}`;
  };
  assert.match(await choice('exact.test'), /^4 "exact.test" is exactly/);
  assert.match(await choice('dot.test'), /^4 "dot.test" is exactly/);
  assert.match(await choice('a.dot.test'), /^4 .* begins with "\*"/);
  assert.match(await choice('a.star.test'), /^5 .* begins with "\*"/);
  assert.match(await choice('tail.org'), /^6 .* ends with "\*"/);
  assert.match(await choice('reg.test'), /^7 .* regular expression/);
  assert.match(await choice('else.test'), /^3 no server of the port has the name/);
});

const locations = `server { listen 127.0.0.1:8080;
  location / { return 200; }
  location /a/ { return 200; }
  location /a/b/ { return 200; location ~ inner { return 201; } }
  location ^~ /static/ { return 200; }
  location = /exact { return 200; }
  location ~ \\.php$ { return 200; }
  location ~* \\.PHP { return 200; }
}`;

test('the candidates that lost are named with the rule that they lost by', async (t) => {
  const one = await explainer(t, locations);
  const candidates = async (uri: string): Promise<string[]> => {
    const { steps } = await one.explain({ url: `http://x:8080${uri}` });
    const last = steps.at(-2);
    assert.ok(last?.kind === 'location');
    return last.candidates.map(
      ({ location, chosen, why }) => `${chosen ? '*' : '-'} ${location}: ${why}`,
    );
  };
  assert.deepEqual(await candidates('/a/b/c'), [
    '- location /: a prefix, but another one is longer',
    '- location /a/: a prefix, but another one is longer',
    '* location /a/b/: the longest prefix, and no regular expression matches',
    '- location ~ inner: does not match',
    '- location ~ \\.php$: does not match',
    '- location ~* \\.PHP: does not match',
  ]);
  assert.deepEqual((await candidates('/a/x.php')).slice(1), [
    '- location /a/: a prefix, but a regular expression wins',
    '* location ~ \\.php$: the first regular expression that matches',
    '- location ~* \\.PHP: matches, but another one was tried before',
  ]);
  const frozen = await candidates('/static/x.php');
  assert.match(frozen[1] ?? '', /^\* location \^~ \/static\/: the longest prefix, and "\^~"/);
  assert.match(frozen[2] ?? '', /not tried/);
  assert.match((await candidates('/exact')).join('\n'), /\* location = \/exact: exactly the path/);
});

test('rewrites and ifs are shown step by step', async (t) => {
  const said = await explained(
    t,
    `server { listen 127.0.0.1:8080;
  rewrite ^/old/(.*)$ /new/$1?o=1;
  location /new/ {
    if ($arg_o = 1) { set $v "x y"; rewrite ^ /last last; }
  }
  location /last { return 204; }
}`,
    { url: 'http://x:8080/old/p?q=2' },
  );
  assert.deepEqual(
    said.steps.map((step) =>
      step.kind === 'location'
        ? `${step.location} for ${step.uri}`
        : `${'> '.repeat(step.depth)}${step.directive}: ${step.outcome}: ${step.uri}?${step.args}`,
    ),
    [
      'rewrite ^/old/(.*)$ /new/$1?o=1: matches: /new/p?o=1&q=2',
      'location /new/ for /new/p',
      'if ($arg_o = 1): holds: /last?o=1&q=2',
      '> set $v "x y": done: /new/p?o=1&q=2',
      '> rewrite ^ /last last: matches: /last?o=1&q=2',
      'location /last for /last',
      'return 204: answers 204: /last?o=1&q=2',
    ],
  );
  assert.equal(said.answer.status, 204);
});

const hop = `
  proxy_ssl_verify_depth 2;
  proxy_set_header X-Level http;
  log_format mine '$status $upstream_addr $host';
  access_log logs/nowhere/access.log mine;
  upstream app {
    server 10.0.0.1:443 ssl_name=a.internal;
    server api.internal:8443;
    server lost.internal:8443 backup;
  }
  server {
    listen 127.0.0.1:8080;
    location /api/ {
      auth_request /auth;
      proxy_pass https://app/v1/;
      proxy_ssl_pin sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= sha256/AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=;
    }
    location /weak { proxy_pass https://api.internal; proxy_ssl_verify off; }
    location = /auth { internal; proxy_pass http://127.0.0.1:9; proxy_pass_request_body off; }
  }`;

test('what goes out, as whom it is verified, and what is logged', async (t) => {
  const said = await explained(t, hop, {
    url: 'http://x.test:8080/api/a%20b?c',
    headers: ['Cookie: a=b', 'Content-Length: 3'],
    method: 'PUT',
  });
  const [auth, out] = said.upstreams;
  assert.equal(auth?.sub, true);
  assert.equal(auth.requestLine, 'GET /auth HTTP/1.1');
  assert.equal(out?.requestLine, 'PUT /v1/a%20b?c HTTP/1.1');
  assert.deepEqual(out.headers, ['X-Level: http', 'Host: app', 'Content-Length: 3', 'Cookie: a=b']);
  assert.deepEqual(out.servers, [
    { address: '10.0.0.1:443', host: '10.0.0.1', picked: true },
    { address: '10.0.0.7:8443', host: 'api.internal', picked: false },
    { address: '0.0.0.0:8443', host: 'lost.internal', picked: false },
  ]);
  assert.deepEqual(out.tls, {
    verify: 'on',
    name: 'a.internal',
    sni: 'a.internal',
    trusted: 'the trust store of the system',
    depth: 2,
    sans: [],
    pins: [
      'sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      'sha256/AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=',
    ],
    protocols: ['TLSv1.2', 'TLSv1.3'],
    clientCertificate: null,
  });
  assert.deepEqual(
    said.directives.map(({ text, level, inherited }) => `${inherited ? level : 'own'}: ${text}`),
    [
      'own: auth_request /auth',
      'own: proxy_pass https://app/v1/',
      'own: proxy_ssl_pin sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= sha256/AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=',
      'http: proxy_ssl_verify_depth 2',
      'http: proxy_set_header X-Level http',
      'http: access_log logs/nowhere/access.log mine',
    ],
  );
  assert.deepEqual(
    said.accessLog.map(({ line }) => line),
    ['200 10.0.0.1:443 x.test'],
  );
  assert.match(said.notes.join('\n'), /"lost.internal" cannot be resolved here/);
  assert.ok(!existsSync(path.dirname(said.accessLog[0]?.target ?? '')));
});

test('a hop that is not verified is named as such', async (t) => {
  const said = await explained(t, hop, { url: 'http://x:8080/weak' });
  assert.equal(said.upstreams[0]?.tls?.verify, 'off');
  assert.match(explanationText(said), /NOT VERIFIED: anybody on the way can be the upstream/);
});

test('a location that only internal redirects reach says 404', async (t) => {
  const said = await explained(t, hop, { url: 'http://x:8080/auth' });
  assert.equal(said.answer.status, 404);
  assert.deepEqual(fromLocations(said), ['location = /auth']);
  assert.deepEqual(said.upstreams, []);
});

test('a certificate that the client must show decides', async (t) => {
  const pki = await testPki();
  const one = await explainer(
    t,
    `server {
      listen 127.0.0.1:8443 ssl; server_name a.test;
      ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};
      ssl_client_certificate ${pki.caFile}; ssl_verify_client on;
      location / { return 200 "$ssl_client_verify $ssl_client_s_dn"; add_header X-Dn $ssl_client_s_dn; }
    }`,
  );
  const status = async (request: Omit<ExplainedRequest, 'url'>): Promise<Explanation> =>
    await one.explain({ url: 'https://a.test:8443/', ...request });
  assert.equal((await status({})).answer.status, 400);
  assert.equal((await status({ clientCertificate: 'present' })).answer.status, 200);
  const named = await status({ clientCertificate: 'CN=alice' });
  assert.ok(named.answer.head.includes('X-Dn: CN=alice'));
});

test('a request that is none, or that nothing listens for, is refused with the reason', async (t) => {
  const one = await explainer(t, locations);
  await assert.rejects(one.explain({ url: '/path' }), /is no http:\/\/ or https:\/\/ URL/);
  await assert.rejects(one.explain({ url: 'http://x:81/' }), /port 81; there are 127.0.0.1:8080/);
  const header = { url: 'http://x:8080/', headers: ['no colon'] };
  await assert.rejects(one.explain(header), /is no header/);
  const elsewhere = await one.explain({ url: 'http://x/' });
  assert.match(elsewhere.notes.join('\n'), /nothing listens on port 80: 127.0.0.1:8080 is taken/);
  const bad = await one.explain({ url: 'http://x:8080/%zz' });
  assert.equal(bad.answer.status, 400);
});

test('the command explains as text and as JSON, and leaves nothing behind', (t) => {
  const folder = tempFolder(t);
  const file = writeIn(folder, 'nginx.conf', `events {}\nhttp {\n${locations}\n}\n`);
  const run = (...args: readonly string[]) =>
    spawnSync(program, ['explain', '-c', file, ...args], { encoding: 'utf8' });
  const text = run('http://x:8080/a/x.php', '--method', 'POST', '--header', 'A: b');
  assert.equal(text.status, 0, text.stderr);
  assert.match(text.stdout, /^POST \/a\/x\.php HTTP\/1\.1 {2}at 127\.0\.0\.1:8080\n/);
  assert.match(text.stdout, /\* location ~ \\\.php\$ {2}\(.*nginx\.conf:9\): the first regular/);
  const json = run('http://x:8080/exact', '--json');
  assert.equal((JSON.parse(json.stdout) as Explanation).location?.text, 'location = /exact');
  assert.equal(run('nonsense').status, 2);
  assert.equal(run().status, 2);
  // The line at fault is shown, and a terminal may be the log of a pipeline.
  const fault = 'events {} http { proxy_set_header Authorization "Bearer sesame"; nonsense on; }';
  writeIn(folder, 'nginx.conf', fault);
  const broken = run('http://x:8080/');
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /unknown directive "nonsense"/);
  assert.doesNotMatch(broken.stderr, /sesame/);
  assert.deepEqual(readdirSync(folder), ['nginx.conf']);
});
