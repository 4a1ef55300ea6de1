// `explain` and the running proxy agree: the same location, the same answer, and byte for byte the
// same head to the upstream server, for random routing and random requests.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Explainer, type Explanation } from '../src/index.ts';
import { freePort } from './kit/ports.ts';
import { RandomRouting, routingFiles, type RoutingRequest } from './kit/random-routing.ts';
import { request as send, type RawResponse } from './kit/raw-client.ts';
import { RecordingUpstream, type RecordedRequest } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const servers = 50;
const perServer = 20;

// Each location says by which line it begins.
function marked(text: string): string {
  return text
    .replace(/\blocation (?=[^{}]*\{)/g, '\nlocation ')
    .split('\n')
    .map((line, i) =>
      line.startsWith('location ')
        ? line.replace(/^(location [^{]*\{)/, `$1 add_header X-Line l${i + 1} always;`)
        : line,
    )
    .join('\n');
}

// Bytes beyond ASCII are for other tests: half a character is none on a command line.
function target(url: string): string {
  return url.replace(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function headersOf({ method, headers }: RoutingRequest): readonly string[] {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return method === 'POST' ? [...lines, 'Content-Length: 1'] : lines;
}

function valueOf(lines: readonly string[], name: string): string | undefined {
  const found = lines.find((line) => line.toLowerCase().startsWith(`${name}:`));
  return found?.slice(name.length + 1).trim();
}

function lastLine({ steps }: Explanation): number | undefined {
  const last = steps.findLast(
    (step) => step.kind === 'location' && step.location.startsWith('location'),
  );
  return last?.at?.line;
}

function compare(
  said: Explanation,
  answer: RawResponse,
  received: RecordedRequest | undefined,
): void {
  const out = said.upstreams.at(-1);
  const head = out === undefined ? null : [out.requestLine, ...out.headers, '', ''].join('\r\n');
  assert.equal(head, received === undefined ? null : received.rawHead.toString('utf8'));
  assert.equal(said.answer.status, answer.status);
  const fields = answer.headers.map(([name, value]) => `${name}: ${value}`);
  for (const name of ['x-line', 'location', 'content-type']) {
    assert.equal(
      valueOf(said.answer.head, name),
      valueOf(
        fields.map((line) => Buffer.from(line, 'latin1').toString('utf8')),
        name,
      ),
      name,
    );
  }
  const line = valueOf(fields, 'x-line');
  if (line !== undefined) assert.equal(`l${lastLine(said) ?? ''}`, line);
}

test(`for ${servers * perServer} requests, explain says what the proxy does`, async (t) => {
  const folder = tempFolder(t);
  const files = path.join(folder, 'files');
  for (const name of routingFiles) {
    mkdirSync(path.dirname(path.join(files, name)), { recursive: true });
    writeIn(files, name, `file ${name}\n`);
  }
  const upstream = await RecordingUpstream.start(
    { answer: { headers: [['Content-Length', '0']] } },
    t,
  );
  const port = await freePort();
  const random = new RandomRouting(20_26);
  const routed = Array.from({ length: servers }, (_, i) => random.server(`s${i}.test`, perServer));
  const text = marked(
    `error_log error.log info; master_process off; events {}\nhttp {\n` +
      `upstream recording { server ${upstream.address}; keepalive 4; }\n` +
      routed.map((one) => one.config({ port, upstream: 'recording', files })).join('\n') +
      '\n}\n',
  );
  await startProxy(text, { folder, scope: t });
  const file = path.join(folder, 'explained.conf');
  writeFileSync(file, text);
  const { explainer, diagnostics } = await Explainer.load({ file, prefix: `${folder}/` });
  assert.ok(explainer !== null, JSON.stringify(diagnostics));
  t.after(() => explainer.dispose());
  let passed = 0;
  for (const { name, requests } of routed) {
    for (const one of requests) {
      const where = target(one.path);
      const before = upstream.requests.length;
      const answer = await send({
        port,
        method: one.method,
        path: where,
        headers: { Host: `${name}:${port}`, ...one.headers },
        ...(one.method === 'POST' ? { body: 'b' } : {}),
      });
      const said = await explainer.explain({
        url: `http://${name}:${port}${where}`,
        method: one.method,
        headers: headersOf(one),
      });
      const received = upstream.requests[before];
      if (received !== undefined) passed += 1;
      try {
        compare(said, answer, received);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        error.stack = `${error.stack ?? ''}\n${one.method} ${name} ${where}\n${JSON.stringify(said, null, 1)}`;
        throw error;
      }
    }
  }
  assert.ok(passed > 40, `only ${passed} were passed on`);
});
