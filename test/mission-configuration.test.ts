// The main form of what this proxy is for: a front server that passes requests over mutual TLS to a
// group of servers, which stand in the same file and pass them on to a plain application. It runs in
// this thread, as the program with worker threads, and with real nginx on either side of the hop.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki, type KeyPair } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();

interface Site {
  readonly plain: number;
  readonly secure: number;
  readonly backends: readonly [number, number];
  readonly application: RecordingUpstream;
  readonly backend: KeyPair;
}

// The two names of the upstream servers resolve on every machine; the name that their certificate
// must be for is what a site would have as its host names.
function front(site: Site, more = ''): string {
  return `
    upstream group {
      server localhost:${site.backends[0]};
      server 127.0.0.1:${site.backends[1]};
    }
    server {
      listen 127.0.0.1:${site.plain};
      listen 127.0.0.1:${site.secure} ssl;
      server_name a.test;
      ssl_certificate ${pki.a.certificate};
      ssl_certificate_key ${pki.a.key};
      location /upstream {
        proxy_pass https://group;
        proxy_ssl_certificate ${pki.client.certificate};
        proxy_ssl_certificate_key ${pki.client.key};
        proxy_ssl_trusted_certificate ${pki.caFile};
        proxy_ssl_verify on;
        proxy_ssl_verify_depth 2;
        proxy_ssl_session_reuse on;
        proxy_ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
        proxy_ssl_ciphers HIGH:!aNULL:!MD5;
        proxy_ssl_name backend.example.com;
        proxy_ssl_server_name on;
        proxy_set_header X-Front $scheme;
        ${more}
      }
    }`;
}

function backends(site: Site): string {
  return site.backends
    .map(
      (port, i) => `
    server {
      listen 127.0.0.1:${port} ssl;
      server_name backend${i + 1}.example.com;
      ssl_certificate ${site.backend.certificate};
      ssl_certificate_key ${site.backend.key};
      ssl_client_certificate ${pki.caFile};
      ssl_verify_client optional;
      location /upstream {
        proxy_pass http://${site.application.address}/application;
        proxy_set_header X-Front $http_x_front;
        proxy_set_header X-Backend backend${i + 1};
        proxy_set_header X-Client "$ssl_client_verify $ssl_client_s_dn $ssl_protocol";
      }
    }`,
    )
    .join('');
}

function file(...servers: string[]): string {
  return `events { }\nhttp {\n${servers.join('\n')}\n}\n`;
}

async function newSite(t: TestContext): Promise<Site> {
  const [plain = 0, secure = 0, first = 0, second = 0] = await freePorts(4);
  const application = await RecordingUpstream.start(
    { answer: { body: 'from the application' } },
    t,
  );
  // Below an intermediate, as public certificates are; the file holds the chain.
  const intermediate = await pki.root.issueIntermediate({ commonName: 'Backend CA' });
  const issued = await intermediate.issue({
    commonName: 'backend.example.com',
    dns: ['backend.example.com'],
    purpose: 'server',
  });
  const folder = tempFolder(t);
  const backend = {
    ...issued,
    certificate: writeIn(folder, 'backend.crt', issued.chainPem),
    key: writeIn(folder, 'backend.key', issued.keyPem),
    tls: { cert: issued.chainPem, key: issued.keyPem },
  };
  return { plain, secure, backends: [first, second], application, backend };
}

/** Asks over both doors, twice each, so that both servers of the group and a resumption are seen. */
async function assertServes(site: Site): Promise<void> {
  const doors = [
    { scheme: 'http', target: { port: site.plain } },
    { scheme: 'https', target: { port: site.secure, tls: { ca: pki.ca, servername: 'a.test' } } },
  ] as const;
  for (const { scheme, target } of doors) {
    for (const body of ['first', 'second']) {
      site.application.clear();
      const path = `/upstream/page?${body}`;
      const response = await request({ ...target, method: 'POST', path, body });
      assert.equal(response.status, 200, response.raw.toString());
      assert.equal(response.body.toString(), 'from the application');
      const { onlyRequest } = site.application;
      assert.equal(onlyRequest.target, `/application/page?${body}`);
      assert.equal(onlyRequest.body.toString(), body);
      assert.equal(onlyRequest.header('x-front'), scheme);
      assert.equal(onlyRequest.header('x-client'), 'SUCCESS CN=client TLSv1.2');
      assert.match(onlyRequest.header('x-backend') ?? '', /^backend[12]$/);
    }
  }
}

test('requests pass through front, verified mutual TLS and backend to the application', async (t) => {
  const site = await newSite(t);
  const proxy = await startProxy(file(front(site), backends(site)), { scope: t });
  await assertServes(site);
  assert.doesNotMatch(proxy.errorLog(), /\[(error|crit|alert|emerg)\]/);
  assert.match(proxy.errorLog(), /3 upstream hops: 1 verified, 2 without TLS/);
});

test('without proxy_ssl_name the certificate must be for the server that was picked', async (t) => {
  const site = { ...(await newSite(t)), backend: pki.localhost };
  const text = file(front(site), backends(site)).replace(/proxy_ssl_name .*/, '');
  await startProxy(text, { scope: t });
  await assertServes(site);
});

test('the versions that OpenSSL no longer speaks are accepted with a warning', async (t) => {
  const site = await newSite(t);
  const folder = tempFolder(t);
  const text = `${file(front(site), backends(site))}`;
  const loaded = await loadConfig({ file: `${folder}/sallyport.conf`, text, prefix: folder });
  assert.equal(loaded.ok, true);
  const line = text.split('\n').findIndex((one) => one.includes(' proxy_ssl_protocols')) + 1;
  const warnings = loaded.diagnostics.map((one) => `${one.at?.line}: ${one.message}`);
  assert.deepEqual(warnings, [
    `${line}: TLSv1 will not be spoken: OpenSSL allows it at security level 0 only; ` +
      'leave TLSv1 out, or, for a peer that has nothing newer, write ciphers ' +
      '"HIGH:!aNULL:!MD5:@SECLEVEL=0"',
    `${line}: TLSv1.1 will not be spoken: OpenSSL allows it at security level 0 only; ` +
      'leave TLSv1.1 out, or, for a peer that has nothing newer, write ciphers ' +
      '"HIGH:!aNULL:!MD5:@SECLEVEL=0"',
  ]);
});

test('the same file serves as a program with worker threads', async (t) => {
  const site = await newSite(t);
  const text = `worker_processes 2; ${file(front(site), backends(site))}`;
  const program = await startProgram(text, { scope: t });
  await assertServes(site);
  assert.doesNotMatch(program.errorLog(), /\[(error|crit|alert|emerg)\]/);
});

test('a front before backends that are nginx', { skip: !nginxAvailable }, async (t) => {
  const site = await newSite(t);
  await startNginx(file(backends(site)), { scope: t });
  await startProxy(file(front(site)), { scope: t });
  await assertServes(site);
});

test('backends behind a front that is nginx', { skip: !nginxAvailable }, async (t) => {
  const site = await newSite(t);
  await startProxy(file(backends(site)), { scope: t });
  await startNginx(file(front(site)), { scope: t });
  await assertServes(site);
});

test('where one backend is another server, a request to it fails and the log names it', async (t) => {
  const site = await newSite(t);
  const [first, second] = site.backends;
  const impostor = await RecordingUpstream.start({ port: second, tls: pki.b.tls }, t);
  const text = file(front(site), backends({ ...site, backends: [first, first] }))
    // Both backend servers would have one name on one port.
    .replace('server_name backend2', 'server_name other2');
  const proxy = await startProxy(text, { scope: t });
  const statuses: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    statuses.push((await request({ port: site.plain, path: '/upstream/' })).status);
  }
  // After its failure the impostor is left out for fail_timeout.
  assert.deepEqual(statuses.sort(), [200, 200, 200, 502]);
  assert.equal(impostor.requests.length, 0);
  const wanted = `UPSTREAM_TLS_NAME_MISMATCH: .*wanted "backend.example.com" at 127.0.0.1:${second}`;
  assert.match(proxy.errorLog(), new RegExp(wanted));
});
