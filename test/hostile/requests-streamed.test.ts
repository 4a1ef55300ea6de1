// The chunked bodies of the table where bodies are passed on as they come: what has gone upstream
// when a body proves malformed is cut off there, without a last chunk, and its connection is closed.
// What is passed on is in chunks that this proxy made.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { testPki } from '../kit/pki.ts';
import { startProxy } from '../kit/sallyport.ts';
import { deliver, deliveries, statusesIn } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';
import { smuggled, spellings } from './kit/request-form.ts';
import { doorsConfiguration, seenUpstream, targetOf, Witness } from './kit/request-proxy.ts';
import { chunks } from './requests/chunks.ts';

const scope = { after };
const witness = await Witness.start(scope);
const { text, doors } = await doorsConfiguration({
  upstreamAddress: witness.upstream.address,
  passing: 'streamed',
  pki: await testPki(),
});
await startProxy(text, { scope });

const head = /^[A-Z]+ \/ HTTP\/1\.1\r\nHost: backend\r\nTransfer-Encoding: chunked\r\n\r\n/;

/** Takes chunks as this proxy writes them off the front. */
function decode(written: string): { content: string; rest: string } {
  let content = '';
  let rest = written;
  for (;;) {
    const size = /^([1-9a-f][\da-f]*)\r\n/.exec(rest);
    const start = size?.[0].length ?? 0;
    const length = Number.parseInt(size?.[1] ?? '0', 16);
    if (size === null || rest.length < start + length + 2) return { content, rest };
    assert.equal(rest.slice(start + length, start + length + 2), '\r\n');
    content += rest.slice(start, start + length);
    rest = rest.slice(start + length + 2);
  }
}

for (const form of chunks.forms) {
  const outcome = 'status' in form ? form.status : 'one request';
  test(`streamed: ${form.name}: ${outcome}`, async () => {
    for (const bytes of spellings(form)) {
      for (const { name, transport, cut } of deliveries) {
        const target = targetOf(doors, form.door ?? 'plain', transport);
        const received = await deliver(target, bytes + closing(form), cut);
        const shown = `${JSON.stringify(bytes.slice(0, 300))}, ${name}`;
        const statuses = 'status' in form ? [form.status] : [200, 200];
        assert.deepEqual(statusesIn(received), statuses, shown);
        if ('status' in form) await assertCutOff(shown);
        else await assertPassedOn(form.arrives, shown);
      }
    }
    proved(spellings(form).length * deliveries.length);
  });
}

function closing(form: object): string {
  return 'status' in form
    ? smuggled
    : 'GET /behind HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
}

async function assertCutOff(shown: string): Promise<void> {
  const { requests } = witness.upstream;
  const begun = requests.filter(({ target }) => target === '/');
  assert.deepEqual(
    begun.filter(({ complete }) => complete),
    [],
    shown,
  );
  await eventually('the end of its connection', () =>
    begun.every(({ connection }) => witness.closed.has(connection)),
  );
  const upstream = await seenUpstream(witness, doors);
  if (upstream === '') return;
  assert.match(upstream, head, shown);
  const { rest } = decode(upstream.replace(head, ''));
  // Never the last chunk, nor a part of it.
  assert.equal(rest, '', shown);
}

async function assertPassedOn(arrives: string, shown: string): Promise<void> {
  const upstream = await seenUpstream(witness, doors);
  assert.match(upstream, head, shown);
  const { content, rest } = decode(upstream.replace(head, ''));
  assert.equal(content, arrives.slice(arrives.indexOf('\r\n\r\n') + 4), shown);
  assert.equal(rest, '0\r\n\r\nGET /behind HTTP/1.1\r\nHost: backend\r\n\r\n', shown);
}
