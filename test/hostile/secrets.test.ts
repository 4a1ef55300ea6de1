// What is secret stays out of the error log, of error pages and of everything else that clients are
// shown, however a request fails: secrets of the configuration, of its files, and of requests.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatDiagnostic, loadConfig } from '../../src/index.ts';
import { freePort } from '../kit/ports.ts';
import { testPki } from '../kit/pki.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { tempFolder, writeIn } from '../kit/temp-folder.ts';
import { runProgram } from '../kit/program.ts';
import { deliver, statusesIn } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';

/** Every secret of this file has this word in it. */
const secret = 'sesame';
const encoded = Buffer.from(`anna:${secret}`).toString('base64');

const pki = await testPki();
const folder = tempFolder();
const port = await freePort();
const nobody = await freePort();
const tls = await RecordingUpstream.start({ tls: pki.a.tls });
const plain = await RecordingUpstream.start({});

mkdirSync(`${folder}/www`);
writeIn(folder, 'users', `anna:{PLAIN}open-${secret}\nbert:$unknown$${secret}\n`);
const proxy = await startProxy(
  `error_log error.log debug; http {
    map $http_x_api_key $known { default 0; ${secret}-key 1; }
    upstream gone { server 127.0.0.1:${nobody}; server 127.0.0.1:${nobody} backup; }
    server { listen 127.0.0.1:${port}; root ${folder}/www;
      client_max_body_size 10; large_client_header_buffers 2 1k;
      proxy_set_header Authorization "Bearer ${secret}";
      proxy_set_header X-Api-Key ${secret};
      set $token ${secret};
      location / { proxy_pass http://${plain.address}; }
      location /gone/ { proxy_pass http://gone; }
      location /tls/ { proxy_pass https://${tls.address};
        proxy_ssl_trusted_certificate ${pki.caFile}; }
      location /users/ { auth_basic "staff"; auth_basic_user_file users; }
      location /no-users/ { auth_basic "staff"; auth_basic_user_file missing; }
      location /linked/ { secure_link $arg_h,$arg_e;
        secure_link_md5 "$secure_link_expires ${secret}"; if ($secure_link = "") { return 403; } }
      location /keyed/ { if ($known = 0) { return 403; } }
      location /files/ { }
      location /named/ { return 200 $host; }
      location /user/ { proxy_pass http://anna:$token@$host/; }
    } }`,
  { folder },
);

const authorization = [
  `Authorization: Basic ${encoded}`,
  `Authorization: Bearer ${secret}`,
  `Authorization: Basic ${secret}`,
  `Authorization : Bearer ${secret}`,
  `Authorization: Bearer ${secret}\x01`,
  `Authorization:Bearer ${secret}\r\n folded ${secret}`,
  `Cookie: session=${secret}`,
  `Cookie : session=${secret}`,
  `Cookie: session=${secret}\x00`,
  `X-Api-Key: ${secret}`,
  `Proxy-Authorization: Basic ${encoded}`,
  `Authorization: Bearer ${secret}${'x'.repeat(5000)}`,
  `Authorization Bearer ${secret}`,
];

const places = [
  ...['/', '/gone/', '/tls/', '/users/', '/no-users/', '/linked/?h=x&e=1', '/keyed/', '/files/x'],
  '/named/',
  '/user/',
];

function leaks(text: string): boolean {
  return text.includes(secret) || text.includes(encoded);
}

for (const place of places) {
  test(`no field of a request is in the log or the answer: ${place}`, async () => {
    for (const field of authorization) {
      const lines = [`GET ${place} HTTP/1.1`, 'Host: x', field, 'Connection: close', '', ''];
      const answer = await deliver({ port }, lines.join('\r\n'), 'whole');
      assert.ok(statusesIn(answer).length === 1, answer);
      assert.ok(!leaks(answer), `${place} ${field}: ${answer}`);
      assert.ok(!leaks(proxy.errorLog()), `${place} ${field}: ${proxy.errorLog()}`);
      proved();
    }
  });
}

test('an error page says nothing of upstream servers, files or the machine', async () => {
  for (const place of [...places, '/gone/a', '/tls/a', '/files/%00', '/../x']) {
    const bytes = `GET ${place} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const answer = await deliver({ port }, bytes, 'whole');
    for (const inside of [folder, `${nobody}`, tls.address, plain.address, 'node', 'at ', '.ts']) {
      assert.ok(!answer.includes(inside), `${place}: ${inside} in ${answer}`);
    }
    assert.doesNotMatch(answer, /certificate|verify|ECONN|upstream|sallyport\/\d/i);
    proved();
  }
  assert.match(proxy.errorLog(), /TLS_|verif/i, 'the log tells it');
});

test('the log was written at all', () => {
  assert.ok(proxy.errorLog().includes(`127.0.0.1:${nobody}`), 'refused connections');
  assert.ok(proxy.errorLog().includes('anna'), 'the user that was refused');
});

const keyBlock = `-----BEGIN PRIVATE KEY-----\\n${secret}\\n-----END PRIVATE KEY-----`;
const brokenKey = `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`;

/** Configurations with a fault where a secret is. */
const faults: readonly (readonly [name: string, text: string])[] = [
  ['a key that is none', 'ssl_certificate cert.pem; ssl_certificate_key broken.pem;'],
  ['a key with a wrong password', 'ssl_certificate cert.pem; ssl_certificate_key locked.pem;'],
  ['another key', 'ssl_certificate cert.pem; ssl_certificate_key other.pem;'],
  ['tickets', 'ssl_session_ticket_key broken.pem;'],
  ['a key in the text', `ssl_certificate cert.pem; ssl_certificate_key "data:${keyBlock}";`],
  ['a header', `proxy_set_header Authorization "Bearer ${secret}" more;`],
  ['a header without an end', `proxy_set_header Authorization "Bearer ${secret}"`],
  ['a variable', `set $api_key ${secret} more;`],
  ['a link', `secure_link_md5 "$nothing ${secret}";`],
  ['a link, twice', `secure_link_secret ${secret}; secure_link_secret ${secret};`],
  ['a URL', `location / { proxy_pass http://anna:${secret}@127.0.0.1:none; }`],
];

for (const [name, text] of faults) {
  test(`what is printed of a configuration with a fault: ${name}`, () => {
    const place = tempFolder();
    writeIn(place, 'cert.pem', pki.a.certificatePem);
    writeIn(place, 'other.pem', pki.b.keyPem);
    writeIn(place, 'broken.pem', brokenKey);
    writeIn(place, 'passwords', `${secret}\n`);
    writeIn(place, 'locked.pem', brokenKey.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'));
    const configuration = `events {} http { ssl_password_file passwords;
      server { listen 127.0.0.1:${port} ssl;\n${text}\n} }`;
    const { code, stderr, stdout } = runProgram(configuration, ['-t'], { folder: place });
    assert.equal(code, 1);
    assert.ok(!leaks(stdout + stderr), stderr);
    proved();
  });
}

test('a failed reload does not write secrets into the log', async () => {
  for (const [name, text] of faults) {
    writeFileSync(`${folder}/broken.pem`, brokenKey);
    writeFileSync(`${folder}/locked.pem`, brokenKey);
    writeIn(folder, 'cert.pem', pki.a.certificatePem);
    writeIn(folder, 'other.pem', pki.b.keyPem);
    const configuration = `error_log error.log; events {} http { server { listen ${port} ssl; ${text} } }`;
    const file = `${folder}/sallyport.conf`;
    await assert.rejects(proxy.proxy.reload({ file, text: configuration, prefix: folder }), name);
    assert.ok(!leaks(proxy.errorLog()), `${name}: ${proxy.errorLog()}`);
    proved();
  }
});

test('keys and the configuration in a folder that is served are warned of', async () => {
  const place = tempFolder();
  writeIn(place, 'cert.pem', pki.a.certificatePem);
  writeIn(place, 'cert.key', pki.a.keyPem);
  const server = (root: string): string => `events {} http { server { listen ${port} ssl;
    ssl_certificate cert.pem; ssl_certificate_key cert.key; location / { root ${root}; } } }`;
  const load = async (root: string): Promise<string> => {
    const file = `${place}/sallyport.conf`;
    const { ok, diagnostics } = await loadConfig({ file, text: server(root), prefix: place });
    assert.ok(ok);
    return diagnostics.map(({ message }) => message).join('\n');
  };
  const warned = await load(place);
  assert.match(warned, /the private key ".*cert\.key" is in a folder that is served/);
  assert.match(warned, /the configuration ".*sallyport\.conf" is in a folder that is served/);
  assert.equal(await load(`${place}/www`), '');
  proved(2);
});

test('a dump is as nginx’s, and without secrets where that is asked for', async () => {
  const text = `events {} http {
    map $http_x_api_key $client { default ""; ${secret}-1 mobile; }
    server { listen 127.0.0.1:${port};
      location / {
        proxy_set_header Authorization "Bearer ${secret}";
        secure_link_md5 "$uri ${secret}"; secure_link $arg_h;
        proxy_pass http://127.0.0.1:${port}/?token=${secret};
      } } }`;
  const whole = runProgram(text, ['-T']);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(whole.stdout.split(secret).length - 1, 4);
  const redacted = runProgram(text, ['--redact', '-q']);
  assert.equal(redacted.code, 0, redacted.stderr);
  assert.ok(!leaks(redacted.stdout), redacted.stdout);
  const config = /^# configuration file \S+:\n([\s\S]*)/.exec(redacted.stdout)?.[1] ?? '';
  const again = await loadConfig({ file: '/sallyport.conf', text: config });
  assert.deepEqual(
    again.diagnostics.map((one) => formatDiagnostic(one)),
    [],
  );
});
