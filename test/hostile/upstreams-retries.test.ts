// A server that lies, and another that does not: a request that may be sent twice reaches the other
// where the configuration names the failure; a POST that was sent does so only where it says
// "non_idempotent", and half an answer is never followed by another.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { freePort } from '../kit/ports.ts';
import { request } from '../kit/raw-client.ts';
import { startProxy } from '../kit/sallyport.ts';
import { proved } from './kit/proved.ts';
import { cut, refused, seen, type Form } from './kit/response-form.ts';
import { honestBody, startScriptServer, type Run } from './kit/response-script.ts';
import { retries } from './responses/retries.ts';

const scope = { after };
const liar = await startScriptServer(scope, null);
const honest = await startScriptServer(scope, null);
const port = await freePort();
const policies = {
  usual: '',
  off: 'proxy_next_upstream off;',
  all: 'proxy_next_upstream error timeout invalid_header;',
  twice: 'proxy_next_upstream error timeout invalid_header non_idempotent;',
} as const;
type Policy = keyof typeof policies;

await startProxy(
  `http {
    upstream both { server ${liar.address} max_fails=0; server ${honest.address} backup; }
    proxy_read_timeout 300ms;
    server {
      listen 127.0.0.1:${port};
      ${Object.entries(policies)
        .map(([name, line]) => `location /${name}/ { proxy_pass http://both; ${line} }`)
        .join('\n')}
    }
  }`,
  { scope },
);

let requests = 0;

async function ask(form: Form, policy: Policy, method: string): Promise<number> {
  const target = `/${policy}/${(requests += 1)}`;
  let saw = (): void => undefined;
  const run: Run = { form, served: [], clientSaw: new Promise((resolve) => (saw = resolve)) };
  setTimeout(saw, 100);
  liar.runs.set(target, run);
  const answer = await request({ port, path: target, method, body: method === 'POST' ? 'x' : '' });
  assert.ok(run.served.length > 0, 'the liar was asked first');
  if (answer.status === 200) assert.equal(answer.body.toString(), honestBody(target));
  return answer.status;
}

for (const { name, steps, condition, status } of retries) {
  test(`${name}: "${condition}"`, async () => {
    const form = refused(name, '', steps);
    const usual = condition === 'invalid_header' ? status : 200;
    const expected: readonly [Policy, string, number][] = [
      ['usual', 'GET', usual],
      ['usual', 'PUT', usual],
      ['usual', 'POST', status],
      ['off', 'GET', status],
      ['all', 'GET', 200],
      ['all', 'POST', status],
      ['twice', 'POST', 200],
    ];
    for (const [policy, method, wanted] of expected) {
      assert.equal(await ask(form, policy, method), wanted, `${policy}, ${method}`);
    }
    proved(expected.length);
  });
}

test('an answer that has begun is cut, and nobody else is asked', async () => {
  const begun = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello';
  const form = cut('a short body', '', [begun, seen, { kind: 'fin' }]);
  await assert.rejects(ask(form, 'twice', 'GET'), /ended before a complete response/);
  proved();
});
