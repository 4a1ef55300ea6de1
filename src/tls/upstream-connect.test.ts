import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import type { ErrorCode } from '../base/errors.ts';
import type { CertificateWish, TestCertificate } from './certificates.test-kit.ts';
import { makeAuthority, makeCertificate, pemFile } from './certificates.test-kit.ts';
import { connectUpstreamTls } from './upstream-connect.ts';
import type { UpstreamTlsSettings } from './upstream-policy.ts';
import {
  attempt,
  fail,
  goodLeaf,
  listen,
  otherRoot,
  root,
  settings,
  succeed,
  targetAt,
  tlsUpstream,
} from './upstream.test-kit.ts';

const hour = 3_600_000;

function leafWith(wish: Partial<CertificateWish>): TestCertificate {
  return makeCertificate({ commonName: 'leaf', dns: ['a.test'], issuer: root, ...wish });
}

test('a verified upstream is handed out with its facts, and then its bytes', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  const { facts, received } = await attempt(targetAt(port));
  assert.equal(received, 'hello');
  assert.equal(facts?.protocol, 'TLSv1.3');
  assert.match(facts.cipher, /^TLS_/);
  assert.notEqual(facts.curve, '');
  assert.equal(facts.verify, 'SUCCESS');
  assert.equal(facts.reused, false);
  assert.equal(facts.subject, 'CN=leaf');
  assert.equal(facts.issuer, 'CN=Root');
  assert.match(facts.serial, /^[0-9A-F]+$/);
  assert.match(facts.sans, /DNS:a\.test.*IP Address:127\.0\.0\.1/);
  assert.match(facts.notBefore, / GMT$/);
  assert.match(facts.notAfter, / GMT$/);
  assert.match(facts.fingerprint, /^[0-9a-f]{64}$/);
});

interface Refusal {
  readonly name: string;
  readonly chain: () => readonly TestCertificate[];
  readonly code: ErrorCode;
  /** Must be in the message. */
  readonly says: readonly RegExp[];
  readonly change?: Partial<UpstreamTlsSettings>;
  readonly verifyName?: string;
}

const intermediate = makeAuthority('Intermediate', root);
const lower = makeAuthority('Lower', intermediate);
const belowLower = leafWith({ issuer: lower });

const refusals: readonly Refusal[] = [
  {
    name: 'an unknown CA',
    chain: () => [leafWith({ issuer: otherRoot })],
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    says: [/add the certificate of "CN=Other Root" to the file of proxy_ssl_trusted_certificate/],
  },
  {
    name: 'an unknown CA that is presented along',
    chain: () => [leafWith({ issuer: otherRoot }), otherRoot],
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    says: [/self-signed certificate in certificate chain/, /"CN=Other Root"/],
  },
  {
    name: 'a chain whose intermediate is not presented',
    chain: () => [leafWith({ issuer: intermediate })],
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    says: [/"CN=Intermediate" is an intermediate CA, the upstream must send its certificate/],
  },
  {
    name: 'a self-signed certificate',
    chain: () => [leafWith({ issuer: null })],
    code: 'UPSTREAM_TLS_SELF_SIGNED',
    says: [/proxy_ssl_trusted_certificate/],
  },
  {
    name: 'a certificate that expired',
    chain: () => [leafWith({ notAfter: new Date(Date.now() - hour) })],
    code: 'UPSTREAM_TLS_EXPIRED',
    says: [/certificate has expired/, /renew/],
  },
  {
    name: 'a certificate that is not valid yet',
    chain: () => [leafWith({ notBefore: new Date(Date.now() + hour) })],
    code: 'UPSTREAM_TLS_NOT_YET_VALID',
    says: [/not yet valid/],
  },
  {
    name: 'a certificate for clients only',
    chain: () => [leafWith({ purposes: ['client'] })],
    code: 'UPSTREAM_TLS_WRONG_PURPOSE',
    says: [/serverAuth/],
  },
  {
    name: 'a certificate for another name',
    chain: () => [leafWith({ dns: ['b.test'] })],
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: [/wanted "a\.test"/, /presented names "DNS:b\.test"/, /proxy_ssl_name/],
  },
  {
    name: 'a certificate with the name in its common name only',
    chain: () => [leafWith({ commonName: 'a.test', dns: [] })],
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: [/no DNS name and no IP address/, /RFC 9525/],
  },
  {
    name: 'an IP address that is not among the names',
    chain: () => [leafWith({})],
    verifyName: '127.0.0.1',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: [/wanted "127\.0\.0\.1"/],
  },
  {
    name: 'an empty name to verify',
    chain: () => [goodLeaf],
    verifyName: '',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: [/there is no name to verify/],
  },
  {
    name: 'a chain longer than the depth allows',
    chain: () => [belowLower, lower, intermediate],
    code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    says: [/2 intermediate CAs where 1 are allowed/, /proxy_ssl_verify_depth 2/],
  },
];

for (const refusal of refusals) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${refusal.name} is refused over ${version}`, async (t) => {
      const port = await listen(t, tlsUpstream(refusal.chain(), { maxVersion: version }));
      const names = { verifyName: refusal.verifyName ?? 'a.test' };
      const error = await fail(targetAt(port, refusal.change, names));
      assert.equal(error.code, refusal.code);
      for (const part of refusal.says) assert.match(error.message, part);
      assert.match(
        error.message,
        /presented names .*subject ".*issuer ".*chain: ".*valid from .* to .*GMT/,
      );
      assert.match(error.message, /sha256 [0-9a-f]{64}; (?:CA .*; )?to mend this: /);
      assert.doesNotMatch(error.message, /\n/);
    });
  }
}

test('an expired CA above a valid certificate is named', async (t) => {
  const expired = makeCertificate({
    commonName: 'Old CA',
    authority: true,
    issuer: root,
    notAfter: new Date(Date.now() - hour),
  });
  const port = await listen(t, tlsUpstream([leafWith({ issuer: expired }), expired]));
  const error = await fail(targetAt(port));
  assert.equal(error.code, 'UPSTREAM_TLS_EXPIRED');
  assert.match(error.message, /CA "CN=Old CA" valid from/);
});

test('a chain as long as the depth allows is accepted', async (t) => {
  const port = await listen(t, tlsUpstream([belowLower, lower, intermediate]));
  await succeed(targetAt(port, { verifyDepth: 2 }));
});

test('depth 0 allows a certificate of the root itself and no intermediate', async (t) => {
  const direct = await listen(t, tlsUpstream([goodLeaf]));
  await succeed(targetAt(direct, { verifyDepth: 0 }));
  const below = await listen(t, tlsUpstream([leafWith({ issuer: intermediate }), intermediate]));
  const error = await fail(targetAt(below, { verifyDepth: 0 }));
  assert.equal(error.code, 'UPSTREAM_TLS_DEPTH_EXCEEDED');
});

test('a trusted self-signed certificate is accepted', async (t) => {
  const own = leafWith({ issuer: null });
  const port = await listen(t, tlsUpstream([own]));
  await succeed(targetAt(port, { trusted: pemFile('own.crt', own), verifyDepth: 0 }));
});

test('IP addresses are verified against IP names', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  await succeed(targetAt(port, {}, { verifyName: '127.0.0.1', serverName: null }));
  await succeed(targetAt(port, {}, { verifyName: '::1', serverName: null }));
});

test('with verification off any certificate passes and the facts say NONE', async (t) => {
  const port = await listen(t, tlsUpstream([leafWith({ issuer: null, dns: ['b.test'] })]));
  const facts = await succeed(targetAt(port, { verify: 'off', trusted: null }));
  assert.equal(facts.verify, 'NONE');
  assert.equal(facts.sans, 'DNS:b.test');
});

test('NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing', async (t) => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
  const port = await listen(t, tlsUpstream([leafWith({ issuer: otherRoot })]));
  assert.equal((await fail(targetAt(port))).code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
});

async function seenServerName(t: TestContext, serverName: string | null): Promise<unknown> {
  const server = tlsUpstream([goodLeaf]);
  const seen = new Promise((resolve) => {
    server.on('secureConnection', (socket) => {
      resolve(socket.servername);
    });
  });
  const port = await listen(t, server);
  await succeed(targetAt(port, {}, { serverName }));
  return await seen;
}

test('the server name is sent as given, without a trailing dot', async (t) => {
  assert.equal(await seenServerName(t, 'sni.test'), 'sni.test');
  assert.equal(await seenServerName(t, 'sni.test.'), 'sni.test');
});

test('no server name is sent for null and for addresses', async (t) => {
  for (const name of [null, '', '127.0.0.1', '::1', '[::1]']) {
    assert.equal(await seenServerName(t, name), false, String(name));
  }
});

const httpAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

test('an upstream that answers in plain HTTP fails and none of its bytes are handed out', async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.once('data', () => socket.end(httpAnswer))),
  );
  const error = await fail(targetAt(port));
  assert.equal(error.code, 'UPSTREAM_TLS_NOT_TLS');
  assert.match(error.message, /does not speak TLS on this port/);
});

test('bytes sent before the handshake are not taken for an answer', async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.end(httpAnswer)),
  );
  const error = await fail(targetAt(port));
  assert.equal(error.code, 'UPSTREAM_TLS_NOT_TLS');
});

const noRecords: readonly (readonly [string, Buffer])[] = [
  ['a greeting of another protocol', Buffer.from('220 mail.test ESMTP\r\n')],
  ['zeros', Buffer.alloc(100)],
  ['a record longer than there are', Buffer.from('160303ffff41414141', 'hex')],
];

for (const [name, bytes] of noRecords) {
  test(`${name}: not TLS, and none of it is handed out`, async (t) => {
    const port = await listen(
      t,
      createServer((socket) => socket.write(bytes)),
    );
    assert.equal((await fail(targetAt(port))).code, 'UPSTREAM_TLS_NOT_TLS');
  });
}

test('an alert of the upstream is named, whatever it is', async (t) => {
  const alert = Buffer.from('15030300020250', 'hex');
  const port = await listen(
    t,
    createServer((socket) => socket.once('data', () => socket.end(alert))),
  );
  const { error, refused } = await attempt(targetAt(port));
  assert.equal(error?.code, 'UPSTREAM_TLS_HANDSHAKE_REFUSED');
  assert.match(error.message, /alert "internal_error"/);
  assert.equal(refused, null);
});

test('an upstream that closes or resets in the handshake is a failure of the handshake', async (t) => {
  const closing = createServer((socket) => socket.once('data', () => socket.end()));
  const resetting = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  for (const server of [closing, resetting]) {
    const error = await fail(targetAt(await listen(t, server)));
    assert.equal(error.code, 'UPSTREAM_TLS_HANDSHAKE_CLOSED');
    assert.match(error.message, /peer closed connection in SSL handshake/);
  }
});

const disagreements: readonly (readonly [
  string,
  TlsOptions,
  Partial<UpstreamTlsSettings>,
  ErrorCode,
  RegExp,
])[] = [
  [
    'no common protocol',
    { maxVersion: 'TLSv1.2' },
    { protocols: ['TLSv1.3'] },
    'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    /alert "protocol_version".*proxy_ssl_protocols/,
  ],
  [
    'no common cipher',
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
    { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
    'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    /alert "handshake_failure".*proxy_ssl_ciphers/,
  ],
];

for (const [name, server, change, code, says] of disagreements) {
  test(`${name} is a failure of the handshake`, async (t) => {
    const error = await fail(targetAt(await listen(t, tlsUpstream([goodLeaf], server)), change));
    assert.equal(error.code, code);
    assert.match(error.message, says);
  });
}

test('a hole in the list of protocols is not spoken', async (t) => {
  const port = await listen(
    t,
    tlsUpstream([goodLeaf], { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }),
  );
  const old = { protocols: ['TLSv1.1', 'TLSv1.3'], ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
  assert.equal((await fail(targetAt(port, old))).code, 'UPSTREAM_TLS_PROTOCOL_MISMATCH');
});

test('TLS 1.0 is spoken where it is listed and the security level allows it', async (t) => {
  const ciphers = 'DEFAULT:@SECLEVEL=0';
  const server = tlsUpstream([goodLeaf], { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers });
  const port = await listen(t, server);
  const facts = await succeed(targetAt(port, { protocols: ['TLSv1', 'TLSv1.2'], ciphers }));
  assert.equal(facts.protocol, 'TLSv1');
});

test('a port where nobody listens is a failed connect in the words of nginx', async (t) => {
  const gone = createServer();
  const port = await listen(t, gone);
  await new Promise((resolve) => gone.close(resolve));
  const error = await fail(targetAt(port));
  assert.equal(error.code, 'UPSTREAM_CONNECT_FAILED');
  assert.equal(error.message, 'connect() failed (111: Connection refused)');
});

test('an upstream behind a unix socket is verified by its name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'upstream.sock');
  const server = tlsUpstream([goodLeaf]);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  const address = { kind: 'unix', path } as const;
  await succeed(targetAt(1, {}, { address }));
  const error = await fail(targetAt(1, {}, { address, verifyName: 'b.test' }));
  assert.equal(error.code, 'UPSTREAM_TLS_NAME_MISMATCH');
});

test('a unix socket that is not there is a failed connect', async () => {
  const address = { kind: 'unix', path: '/nonexistent/upstream.sock' } as const;
  const error = await fail(targetAt(1, {}, { address }));
  assert.equal(error.code, 'UPSTREAM_CONNECT_FAILED');
  assert.equal(
    error.message,
    'connect() to unix:/nonexistent/upstream.sock failed (2: No such file or directory)',
  );
});

test('after destroy() in the handshake neither handler is called', async (t) => {
  const port = await listen(t, createServer());
  const never = (): never => assert.fail('a handler was called');
  const onread = { buffer: Buffer.alloc(16), callback: never };
  const socket = connectUpstreamTls(targetAt(port), onread, { onSecure: never, onFailure: never });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  await sleep(1);
});

test('after destroy() before the connect neither handler is called', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  const never = (): never => assert.fail('a handler was called');
  const onread = { buffer: Buffer.alloc(16), callback: never };
  const socket = connectUpstreamTls(targetAt(port), onread, { onSecure: never, onFailure: never });
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  await sleep(1);
});

test('no listener of ours that acts is left on a secured socket', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  const onread = { buffer: Buffer.alloc(16), callback: () => true };
  const socket = await new Promise<ReturnType<typeof connectUpstreamTls>>((resolve, reject) => {
    const opened = connectUpstreamTls(targetAt(port, { sessionReuse: false }), onread, {
      onSecure: () => setImmediate(() => resolve(opened)),
      onFailure: reject,
    });
  });
  assert.deepEqual(
    socket.listeners('error').map((listener) => listener.name),
    ['ignoreError'],
  );
  assert.equal(socket.listenerCount('data'), 0);
  assert.equal(socket.listenerCount('secureConnect'), 0);
  socket.destroy();
});

test('a policy that trusts the system refuses a private CA', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  const error = await fail(targetAt(port, { trusted: null }));
  assert.equal(error.code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.equal(settings.verify, 'on');
});
