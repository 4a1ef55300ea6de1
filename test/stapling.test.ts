// `ssl_stapling` from the configuration to the client: which response goes with which certificate,
// and that a handshake never fails for want of one.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { loadConfig } from '../src/index.ts';
import { makeAuthority, makeCertificate } from '../src/tls/certificates.test-kit.ts';
import type { CertificateWish, TestCertificate } from '../src/tls/certificates.test-kit.ts';
import { checkOcspResponse } from '../src/tls/ocsp-response.ts';
import { eventually } from './kit/eventually.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { makeStaple, startOcspResponder } from './kit/ocsp.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const ca = makeAuthority('Stapling root');
const issuer = new X509Certificate(ca.pem);
const caFile = writeIn(folder, 'ca.crt', ca.pem);

let count = 0;

/** Of `a.test`; each test has its own, since responses are shared by certificate. */
function made(wish: Partial<CertificateWish> = {}): TestCertificate {
  return makeCertificate({ commonName: 'a.test', dns: ['a.test'], issuer: ca, ...wish });
}

function x509(one: TestCertificate): X509Certificate {
  return new X509Certificate(one.pem);
}

/** Directives with the certificate, its issuer in the same file. */
function pair(one: TestCertificate, chain = ca.pem): string {
  count += 1;
  const certificate = writeIn(folder, `${count}.crt`, one.pem + chain);
  const key = writeIn(folder, `${count}.key`, one.keyPem);
  return `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
}

function responderOf(t: Scope) {
  return startOcspResponder({ issuer, key: ca.key, scope: t });
}

async function proxyWith(t: Scope, directives: string) {
  const port = await freePort();
  const server = `server { listen 127.0.0.1:${port} ssl; ${directives} return 200 ok; }`;
  return { port, proxy: await startProxy(`http { ${server} }`, { scope: t }) };
}

function errorLine({ errorLog }: RunningProxy): Promise<string> {
  return eventually('an error in the log', () => /^.*\[error\].*$/m.exec(errorLog())?.[0]);
}

interface Seen {
  /** What was stapled, null where nothing was. */
  readonly staple: Buffer | null;
  readonly certificate: X509Certificate;
}

async function handshake(port: number, more: ConnectionOptions = {}): Promise<Seen> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'a.test',
    ca: ca.pem,
    requestOCSP: true,
    ...more,
  });
  const [staple] = (await once(socket, 'OCSPResponse')) as [Buffer | null];
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  assert.ok(certificate !== undefined);
  return { staple, certificate };
}

function verdictOn({ staple, certificate }: Seen): string {
  if (staple === null) return 'none';
  return checkOcspResponse(staple, { leaf: certificate, issuer }).kind;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`the first client that asks for it gets the response over ${version}`, async (t) => {
    const responder = await responderOf(t);
    const { port } = await proxyWith(
      t,
      `${pair(made({ ocspResponders: [responder.url] }))} ssl_stapling on;`,
    );
    const versions = { minVersion: version, maxVersion: version };
    assert.equal(verdictOn(await handshake(port, versions)), 'good');
    assert.equal(verdictOn(await handshake(port, versions)), 'good');
    assert.equal(responder.requests.length, 1);
  });
}

test("openssl's client reads and accepts it", { skip: !opensslAvailable }, async (t) => {
  const responder = await responderOf(t);
  const leaf = made({ ocspResponders: [responder.url], mustStaple: true });
  const { port } = await proxyWith(t, `${pair(leaf)} ssl_stapling on;`);
  const { output } = await opensslConnection(port, ['-status', '-CAfile', caFile]);
  assert.match(output, /OCSP Response Status: successful/);
  assert.match(output, /Cert Status: good/);
});

test('without ssl_stapling nobody is asked and nothing is stapled', async (t) => {
  const responder = await responderOf(t);
  const { port } = await proxyWith(t, pair(made({ ocspResponders: [responder.url] })));
  assert.equal(verdictOn(await handshake(port)), 'none');
  assert.equal(responder.requests.length, 0);
});

test('of RSA and ECDSA side by side each comes with its own response', async (t) => {
  const responder = await responderOf(t);
  const ec = made({ ocspResponders: [responder.url] });
  const rsa = made({ ocspResponders: [responder.url], keyType: 'rsa' });
  for (const order of [
    [ec, rsa],
    [rsa, ec],
  ]) {
    const pairs = order.map((one) => pair(one)).join(' ');
    const { port } = await proxyWith(t, `${pairs} ssl_stapling on;`);
    for (const [sigalgs, type] of [
      ['ECDSA+SHA256', 'ec'],
      ['RSA-PSS+SHA256', 'rsa'],
    ] as const) {
      const seen = await handshake(port, { sigalgs });
      assert.equal(seen.certificate.publicKey.asymmetricKeyType, type);
      assert.equal(verdictOn(seen), 'good', type);
    }
  }
});

test('the issuer may be in ssl_trusted_certificate, the responder in ssl_stapling_responder', async (t) => {
  const responder = await responderOf(t);
  const { port } = await proxyWith(
    t,
    `${pair(made(), '')} ssl_stapling on; ssl_trusted_certificate ${caFile};
     ssl_stapling_responder ${responder.url}here;`,
  );
  assert.equal(verdictOn(await handshake(port)), 'good');
  assert.equal(responder.requests[0]?.path, '/here');
});

test('a response of a responder that the issuer has authorised is stapled', async (t) => {
  const own = makeCertificate({ commonName: 'responder', issuer: ca, purposes: ['ocsp'] });
  const signer = { certificate: x509(own), key: own.key };
  const responder = await startOcspResponder({ issuer, signer, scope: t });
  const leaf = made({ ocspResponders: [responder.url] });
  const { port } = await proxyWith(t, `${pair(leaf)} ssl_stapling on; ssl_stapling_verify on;`);
  assert.equal(verdictOn(await handshake(port)), 'good');
});

test('a response that cannot be believed is logged and not passed on, verify or not', async (t) => {
  const other = makeAuthority('Other root');
  const responder = await startOcspResponder({ issuer, key: other.key, scope: t });
  for (const verify of ['on', 'off']) {
    const leaf = made({ ocspResponders: [responder.url] });
    const { port, proxy } = await proxyWith(
      t,
      `${pair(leaf)} ssl_stapling on; ssl_stapling_verify ${verify};`,
    );
    assert.equal(verdictOn(await handshake(port)), 'none');
    const line = await errorLine(proxy);
    assert.match(
      line ?? '',
      /\[error\].*OCSP stapling for the certificate ".*\.crt": the response/,
    );
  }
});

test('the own certificate has been revoked: that is logged, and nothing is stapled', async (t) => {
  const responder = await responderOf(t);
  const leaf = made({ ocspResponders: [responder.url] });
  responder.setStatus(x509(leaf).serialNumber, 'revoked');
  const { port, proxy } = await proxyWith(t, `${pair(leaf)} ssl_stapling on;`);
  assert.equal(verdictOn(await handshake(port)), 'none');
  const line = await errorLine(proxy);
  assert.match(line, /certificate status "revoked" in the OCSP response/);
});

test('with the responder down requests are answered all the same', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}/`;
  const { port } = await proxyWith(t, `${pair(made({ ocspResponders: [url] }))} ssl_stapling on;`);
  assert.equal(verdictOn(await handshake(port)), 'none');
  const tls = { ca: ca.pem, servername: 'a.test' };
  const answer = await request({ port, tls, headers: { Host: 'a.test' } });
  assert.equal(answer.status, 200);
});

test('a response from a file is stapled, one about another certificate is not', async (t) => {
  const leaf = made();
  const right = makeStaple({ leaf: x509(leaf), issuer, key: ca.key });
  const wrong = makeStaple({ leaf: x509(made()), issuer, key: ca.key });
  for (const [der, expected] of [
    [right, 'good'],
    [wrong, 'none'],
  ] as const) {
    const file = writeIn(folder, `${expected}.der`, der);
    const { port } = await proxyWith(
      t,
      `${pair(leaf)} ssl_stapling on; ssl_stapling_file ${file};`,
    );
    assert.equal(verdictOn(await handshake(port)), expected);
  }
});

test('a reload loses no response, not even with the responder down', async (t) => {
  const responder = await responderOf(t);
  const leaf = made({ ocspResponders: [responder.url] });
  const { port, proxy } = await proxyWith(t, `${pair(leaf)} ssl_stapling on;`);
  assert.equal(verdictOn(await handshake(port)), 'good');
  responder.answerWith('close');
  await proxy.proxy.reload();
  assert.equal(verdictOn(await handshake(port)), 'good');
});

async function findings(directives: string): Promise<string[]> {
  const text = `events { } http { server { listen 127.0.0.1:18443 ssl; ${directives} } }`;
  const file = `${folder}/sallyport.conf`;
  const { diagnostics } = await loadConfig({ file, text, prefix: folder });
  return diagnostics.map(({ severity, message }) => `${severity}: ${message}`);
}

test("what is missing is warned of in nginx's words", { skip: !nginxAvailable }, async () => {
  const bare = pair(made(), '');
  const trusted = `ssl_trusted_certificate ${caFile};`;
  const cases = [
    [`${bare} ssl_stapling on;`, /issuer certificate not found for certificate ".*"/],
    [`${bare} ${trusted} ssl_stapling on;`, /no OCSP responder URL in the certificate ".*"/],
    [
      `${bare} ${trusted} ssl_stapling on; ssl_stapling_responder https://a.test/;`,
      /invalid URL prefix in OCSP responder "https:\/\/a.test\/" in the certificate ".*"/,
    ],
  ] as const;
  for (const [directives, expected] of cases) {
    const [finding, ...more] = await findings(directives);
    assert.match(finding ?? '', /^warning: "ssl_stapling" ignored, /);
    assert.match(finding ?? '', expected);
    assert.deepEqual(more, []);
    const message = (finding ?? '').replace('warning: ', '');
    const nginx = checkConfig(`events { } http { server { listen 18443 ssl; ${directives} } }`);
    assert.ok(
      nginx.messages.join('\n').includes(message),
      `${message} in ${nginx.messages.join(' ')}`,
    );
  }
});

test('a file that is no response, or not there, is an error', async () => {
  const junk = writeIn(folder, 'junk.der', 'junk');
  const on = `${pair(made())} ssl_stapling on;`;
  assert.deepEqual(await findings(`${on} ssl_stapling_file ${junk};`), [
    `error: cannot load OCSP response "${junk}": it is no OCSP response in DER`,
  ]);
  const [missing] = await findings(`${on} ssl_stapling_file ${folder}/missing.der;`);
  assert.match(missing ?? '', /^error: cannot load OCSP response ".*missing.der": /);
});
