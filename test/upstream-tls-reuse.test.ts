// A server that answers at once: TLS towards it says only a turn of the event loop later that the
// request has left, when the answer may be there already. The connection is kept all the same.

import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { startProxy } from './kit/sallyport.ts';

const clients = 64;
const rounds = 12;

function get(agent: Agent, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent, path: '/' }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve(body));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('TLS connections to a fast server are used again', { skip: !nginxAvailable }, async (t) => {
  const [port = 0, upstream = 0] = await freePorts(2);
  const pki = await testPki();
  await startNginx(
    `events { } http { keepalive_requests 100000; server { listen 127.0.0.1:${upstream} ssl;
       ssl_certificate ${pki.localhost.certificate}; ssl_certificate_key ${pki.localhost.key};
       return 200 $connection; } }`,
    { scope: t },
  );
  await startProxy(
    `events { worker_connections 1024; }
     http { upstream fast { server 127.0.0.1:${upstream}; keepalive ${clients * 2}; }
       server { listen 127.0.0.1:${port}; proxy_ssl_trusted_certificate ${pki.caFile};
         location / { proxy_pass https://fast; } } }`,
    { scope: t },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  t.after(() => agent.destroy());
  const connections = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    const all = await Promise.all(Array.from({ length: clients }, () => get(agent, port)));
    for (const one of all) connections.add(one);
  }
  assert.ok(connections.size <= clients, `${connections.size} connections`);
});
