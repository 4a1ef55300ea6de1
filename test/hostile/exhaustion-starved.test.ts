// Not one descriptor left, for what is opened behind the back of requests: sockets to name servers
// and OCSP responders, log files after a rotation, temporary files of responses, files to serve.
// Each says so in the log, nothing ends, and all is as before once there are descriptors again.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { makeAuthority, makeCertificate } from '../../src/tls/certificates.test-kit.ts';
import { DnsServer } from '../kit/dns-server.ts';
import { eventually } from '../kit/eventually.ts';
import { floodBytes } from '../kit/kernel-buffers.ts';
import { startOcspResponder } from '../kit/ocsp.ts';
import { freePort } from '../kit/ports.ts';
import { startProgram, type RunningProgram } from '../kit/program.ts';
import { RawConnection, request } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { atEnd } from '../kit/scope.ts';
import { tempFolder, writeIn } from '../kit/temp-folder.ts';
import { feed, launcher, starve } from './kit/descriptor-limit.ts';
import { proved } from './kit/proved.ts';

const shortage = String.raw`24: Too many open files\)?; raise worker_rlimit_nofile`;

interface Lab {
  readonly port: number;
  readonly program: RunningProgram;
  readonly folder: string;
}

async function startLab(
  t: TestContext,
  server: string,
  { http = '', listen = '' } = {},
): Promise<Lab> {
  const folder = tempFolder(t);
  const port = await freePort();
  const program = await startProgram(
    `worker_processes 1; events { } http { proxy_http_version 1.1; ${http}
      server { listen 127.0.0.1:${port}${listen}; ${server} } }`,
    { scope: t, folder, launcher },
  );
  return { port, program, folder };
}

/** A client whom the proxy has seen: no descriptor is needed for him any more. */
async function client(t: TestContext, { port }: Lab, path: string): Promise<RawConnection> {
  const connection = await RawConnection.open({ port, limitMs: 15_000 });
  atEnd(t, () => connection.close());
  assert.equal((await connection.request({ path })).status, 200);
  return connection;
}

function said({ program }: Lab, what: string): Promise<boolean> {
  const line = new RegExp(what);
  return eventually(`"${what}" in the log`, () => line.test(program.errorLog()), 15_000);
}

test('no descriptor for name servers: the log says so, and what was known goes on', async (t) => {
  const dns = await DnsServer.start(t);
  const upstream = await RecordingUpstream.start({ answer: { body: 'up' } }, t);
  for (const name of ['known.test', 'new.test']) dns.setAddresses(name, ['127.0.0.1'], 1);
  const lab = await startLab(
    t,
    `location /own { return 200; }
     location / { proxy_pass http://$arg_name:${upstream.port}; proxy_set_header Connection ""; }`,
    { http: `resolver ${dns.address} ipv6=off; resolver_timeout 10s;` },
  );
  // The connection of this one to the upstream server is kept.
  const known = await client(t, lab, '/?name=known.test');
  const unknown = await client(t, lab, '/own');
  starve(lab.program);
  assert.equal((await unknown.request({ path: '/?name=new.test' })).status, 502);
  await said(lab, `new.test could not be resolved \\(${shortage}`);
  // Sooner or later the answer of before has run out.
  await eventually('the word', async () => {
    const answer = await known.request({ path: '/?name=known.test' });
    assert.equal(answer.body.toString(), 'up');
    return /known.test could not be resolved \(24: .*of before are used/.test(
      lab.program.errorLog(),
    );
  });
  feed(lab.program);
  await eventually('the name', async () => {
    const path = '/?name=new.test';
    return (await request({ port: lab.port, path })).body.toString() === 'up';
  });
  proved(2);
});

const ca = makeAuthority('Root');
const leaf = makeCertificate({ commonName: 'a.test', dns: ['a.test'], issuer: ca });

/** A connection that is accepted and has said nothing yet. */
async function silent(t: TestContext, { port, program }: Lab): Promise<Socket> {
  const open = (): number => readdirSync(`/proc/${program.pid}/fd`).length;
  const before = open();
  const socket = connectTcp(port, '127.0.0.1');
  atEnd(t, () => void socket.destroy());
  await eventually('the connection', () => open() > before);
  return socket;
}

/** What the proxy answers over TLS on it. */
function answerOn(socket: Socket, tls: ConnectionOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const secure = connectTls({ ...tls, socket, servername: 'a.test', ca: ca.pem });
    secure.on('error', reject);
    secure.on('data', (chunk: Buffer) => (text += chunk.toString()));
    secure.on('end', () => resolve(text));
    secure.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
  });
}

test('no descriptor for an OCSP responder: the client is not taken for good', async (t) => {
  const issuer = new X509Certificate(ca.pem);
  const responder = await startOcspResponder({ issuer, key: ca.keyPem, scope: t });
  const made = makeCertificate({
    commonName: 'client',
    issuer: ca,
    ocspResponders: [responder.url],
    purposes: ['client'],
  });
  const files = tempFolder(t);
  const lab = await startLab(
    t,
    `ssl_certificate ${writeIn(files, 'a.crt', leaf.pem)};
     ssl_certificate_key ${writeIn(files, 'a.key', leaf.keyPem)};
     ssl_client_certificate ${writeIn(files, 'ca.crt', ca.pem)};
     ssl_verify_client optional; ssl_ocsp on;
     location / { return 200 "verdict: $ssl_client_verify"; }`,
    { listen: ' ssl' },
  );
  const tls = { cert: made.pem, key: made.keyPem };
  const waiting = [await silent(t, lab), await silent(t, lab), await silent(t, lab)] as const;
  assert.match(await answerOn(waiting[0], tls), /verdict: SUCCESS/);
  starve(lab.program);
  assert.doesNotMatch(await answerOn(waiting[1], tls), /SUCCESS/);
  await said(lab, `asking ".*" failed: connect\\(\\) failed \\(${shortage}`);
  feed(lab.program);
  assert.match(await answerOn(waiting[2], tls), /verdict: SUCCESS/);
  proved();
});

test('no descriptor for logs after a rotation: no line is lost, and the path is tried again', async (t) => {
  const lab = await startLab(t, 'location / { return 200; }', {
    http: "log_format path '$request_uri'; access_log access.log path;",
  });
  const file = (name: string): string => join(lab.folder, name);
  const read = (name: string): string =>
    existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '';
  const connection = await client(t, lab, '/before');
  await eventually('the line', () => read('access.log').includes('/before'));
  starve(lab.program);
  renameSync(file('access.log'), file('access.old'));
  process.kill(lab.program.pid, 'SIGUSR1');
  await said(lab, String.raw`\[alert\] .*open\(\) ".*access.log" failed \(${shortage}`);
  assert.equal((await connection.request({ path: '/meanwhile' })).status, 200);
  await eventually('the line', () => read('access.old').includes('/meanwhile'));
  assert.equal(existsSync(file('access.log')), false);
  feed(lab.program);
  assert.equal((await connection.request({ path: '/after' })).status, 200);
  await eventually('the line', () => read('access.log').includes('/after'));
  assert.equal(read('access.log') + read('access.old'), '/after\n/before\n/meanwhile\n');
  proved();
});

test('no descriptor for the error log after a rotation: it stays the old one until there is', async (t) => {
  const lab = await startLab(t, 'root www; location /own { return 200; }');
  const file = (name: string): string => join(lab.folder, name);
  const connection = await client(t, lab, '/own');
  starve(lab.program);
  renameSync(file('error.log'), file('error.old'));
  process.kill(lab.program.pid, 'SIGUSR1');
  await eventually('the signal', () => /reopening/.test(readFileSync(file('error.old'), 'utf8')));
  assert.equal((await connection.request({ path: '/own' })).status, 200);
  feed(lab.program);
  assert.equal((await connection.request({ path: '/missing' })).status, 404);
  await eventually('the line', () => /www\/missing" failed/.test(lab.program.errorLog()));
  proved();
});

test('no descriptor for a file to serve: 500, and 200 again', async (t) => {
  const lab = await startLab(t, 'root www; location /own { return 200; }');
  mkdirSync(join(lab.folder, 'www'));
  writeIn(join(lab.folder, 'www'), 'page', 'page');
  const connection = await client(t, lab, '/own');
  starve(lab.program);
  assert.equal((await connection.request({ path: '/page' })).status, 500);
  await said(lab, String.raw`\[crit\] .*open\(\) ".*www/page" failed \(${shortage}`);
  feed(lab.program);
  const { port } = lab;
  assert.equal((await request({ port, path: '/page' })).body.toString(), 'page');
  proved();
});

test('no descriptor for the temporary file of a response: slower, and whole', async (t) => {
  const body = Buffer.alloc(floodBytes, 'x');
  const upstream = await RecordingUpstream.start({ answer: { body: 'small' } }, t);
  const lab = await startLab(
    t,
    `location / { proxy_pass http://${upstream.address}; proxy_set_header Connection ""; }`,
  );
  const connection = await client(t, lab, '/');
  upstream.answer = { body };
  starve(lab.program);
  connection.socket.pause();
  await connection.send('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  await said(lab, `(open|temporary).* failed \\(${shortage}`);
  connection.socket.resume();
  assert.ok((await connection.response()).body.equals(body));
  feed(lab.program);
  assert.equal((await request({ port: lab.port })).status, 200);
  proved();
});
