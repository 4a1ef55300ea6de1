// Plays forms (response-form.ts) for every kind of client and hop at once: HTTP/1.1 and 1.0, plain
// and TLS clients, buffered or not, over connections of a pool to plain and TLS upstream servers.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { eventually } from '../../kit/eventually.ts';
import { testPki } from '../../kit/pki.ts';
import { freePorts } from '../../kit/ports.ts';
import { formatRequest, RawConnection } from '../../kit/raw-client.ts';
import { startProxy, type RunningProxy } from '../../kit/sallyport.ts';
import { LogTail } from './log-tail.ts';
import { proved } from './proved.ts';
import { checkOutcome, type Observed, type Pages } from './response-checks.ts';
import type { Form, Place } from './response-form.ts';
import { honestBody, startScriptServer, type Run, type ScriptServer } from './response-script.ts';

/** How a form is met. */
interface Mode {
  readonly name: string;
  readonly version: '1.0' | '1.1';
  readonly clientTls: boolean;
  readonly upstreamTls: boolean;
  readonly buffering: 'on' | 'off';
}

function mode(kind: string, buffering: 'on' | 'off'): Mode {
  return {
    name: `${kind}, proxy_buffering ${buffering}`,
    version: kind.startsWith('1.0') ? '1.0' : '1.1',
    clientTls: kind.includes('TLS client'),
    upstreamTls: kind.includes('TLS upstream'),
    buffering,
  };
}

const modes: readonly Mode[] = [
  ...['1.1', '1.0', '1.1 TLS upstream', '1.0 TLS upstream'].flatMap((kind) => [
    mode(kind, 'on'),
    mode(kind, 'off'),
  ]),
  mode('1.1 TLS client', 'on'),
  mode('1.0 TLS client', 'on'),
];

const places: Readonly<Record<Place, string>> = {
  usual: '',
  quick: 'proxy_read_timeout 300ms;',
  small: 'proxy_buffer_size 1k;',
  upgrade: 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
  hints: 'early_hints 1;',
  deaf: 'proxy_ignore_headers X-Accel-Redirect X-Accel-Buffering;',
  unresumed: 'proxy_ssl_session_reuse off;',
};

export interface Lab {
  readonly proxy: RunningProxy;
  readonly port: number;
  readonly tlsPort: number;
  readonly plain: ScriptServer;
  readonly secure: ScriptServer;
  readonly ca: string;
  readonly pages: Pages;
  readonly access: LogTail;
  readonly errors: LogTail;
}

const pageStatuses = ['404', '500', '502', '504'];
const scope = { after };

/**
 * Starts servers and proxy for one test file.
 *
 * @param tls - of the upstream server, beside its certificate
 */
export async function startLab(tls: TlsOptions = {}): Promise<Lab> {
  const pki = await testPki();
  const plain = await startScriptServer(scope, null);
  const secure = await startScriptServer(scope, { ...pki.a.tls, ...tls });
  const [port = 0, tlsPort = 0] = await freePorts(2);
  // Each mode has groups, and so pools, of its own: they run at the same time.
  const groups = modes.map(({ upstreamTls }, i) => {
    const { address } = upstreamTls ? secure : plain;
    return `upstream group_${i} { server ${address} max_fails=0; keepalive 4; }`;
  });
  const locations = modes.flatMap(({ upstreamTls, buffering }, i) =>
    Object.entries(places).map(
      ([place, directives]) => `location /${i}/${place}/ {
        proxy_pass ${upstreamTls ? 'https' : 'http'}://group_${i};
        proxy_buffering ${buffering};
        ${directives}
      }`,
    ),
  );
  const proxy = await startProxy(
    `http {
      proxy_ssl_name a.test;
      proxy_ssl_trusted_certificate ${pki.caFile};
      proxy_read_timeout 20s;
      lingering_close off;
      log_format facts "$request_uri $status <$upstream_status>";
      access_log access.log facts;
      ${groups.join('\n')}
      server {
        listen 127.0.0.1:${port};
        listen 127.0.0.1:${tlsPort} ssl;
        ssl_certificate ${pki.a.certificate};
        ssl_certificate_key ${pki.a.key};
        ${pageStatuses.map((status) => `location = /${status} { return ${status}; }`).join('\n')}
        location /elsewhere/ { return 200 "elsewhere $uri\\n"; }
        ${locations.join('\n')}
      }
    }`,
    { scope },
  );
  const access = new LogTail(join(proxy.folder, 'access.log'));
  const errors = new LogTail(join(proxy.folder, 'error.log'));
  const lab = { proxy, port, tlsPort, plain, secure, ca: pki.ca, access, errors };
  const pages: Record<string, Buffer> = {};
  for (const status of pageStatuses) {
    const client = await RawConnection.open({ port });
    pages[status] = (await client.request({ path: `/${status}` })).raw;
    client.close();
  }
  return { ...lab, pages };
}

let runs = 0;

/**
 * Plays all forms, one test each.
 *
 * @param hops - only where the upstream server speaks TLS? Default: everywhere
 */
export function proveForms(
  lab: Lab,
  forms: readonly Form[],
  hops: 'all' | 'TLS upstream' = 'all',
): void {
  const used = modes.filter(({ upstreamTls }) => hops === 'all' || upstreamTls);
  for (const form of forms) {
    void test(form.name, async () => {
      lab.access.forget();
      lab.errors.forget();
      await Promise.all(used.map((one) => proveOne(lab, form, one, modes.indexOf(one))));
      proved(used.length);
    });
  }
}

async function proveOne(lab: Lab, form: Form, how: Mode, index: number): Promise<void> {
  const path = `/${index}/${form.place}`;
  const server = how.upstreamTls ? lab.secure : lab.plain;
  try {
    // So that the form comes over a connection of the pool.
    await honest(lab, how, `${path}/before${(runs += 1)}`);
    const target = `${path}/run${(runs += 1)}`;
    const { observed, run } = await observe(lab, form, { how, target, server });
    checkOutcome(form, observed, lab.pages);
    await checkLogs(lab, form, target);
    await checkNext(lab, form, how, { path, run });
  } catch (error) {
    throw new Error(`${form.name} (${how.name}): ${String(error)}`, { cause: error });
  }
}

interface Played {
  readonly how: Mode;
  readonly target: string;
  readonly server: ScriptServer;
}

async function observe(
  lab: Lab,
  form: Form,
  { how, target, server }: Played,
): Promise<{ observed: Observed; run: Run }> {
  const client = await open(lab, how);
  const run: Run = {
    form,
    served: [],
    clientSaw: new Promise<void>((resolve) => void client.socket.once('data', () => resolve())),
  };
  server.runs.set(target, run);
  const { method, headers } = form;
  await client.send(formatRequest({ method, path: target, version: how.version, headers }));
  try {
    const answer = await client.response(method);
    // Where the close is the end of the body, a reset is none.
    const broken = answer.framing === 'close' && client.received.error !== null;
    const all = client.received.all;
    const keeps =
      !broken &&
      how.version === '1.1' &&
      !/^connection: close/im.test(answer.raw.toString('latin1'));
    if (keeps) await settled(run);
    const rest = keeps ? await onSameClient(client, `${target}/after`) : '';
    return { observed: { answer: broken ? null : answer, all, rest, target }, run };
  } catch (error) {
    if (!client.received.ended) throw error;
    return { observed: { answer: null, all: client.received.all, rest: '', target }, run };
  } finally {
    server.runs.delete(target);
    client.close();
  }
}

// What the script still sends after the answer must have come, so that it counts as unasked.
async function settled({ form, served }: Run): Promise<void> {
  const { outcome } = form;
  if (outcome.kind === 'passed' && outcome.connection === 'kept') return;
  await eventually('the close of the upstream connection', () => served.every(({ gone }) => gone));
}

// The client's own next request gets its own answer, with nothing in between.
async function onSameClient(client: RawConnection, target: string): Promise<string> {
  const answer = await client.request({ path: target });
  assert.equal(answer.body.toString(), honestBody(target), 'the same client, next request');
  return client.received.rest.toString('latin1');
}

function open(lab: Lab, how: Mode): Promise<RawConnection> {
  if (!how.clientTls) return RawConnection.open({ port: lab.port, limitMs: 15_000 });
  const tls: ConnectionOptions = { ca: lab.ca, servername: 'a.test' };
  return RawConnection.open({ port: lab.tlsPort, tls, limitMs: 15_000 });
}

/** @returns the number of the upstream connection */
async function honest(lab: Lab, how: Mode, target: string): Promise<number> {
  const client = await open(lab, how);
  const answer = await client.request({ path: target, version: how.version });
  client.close();
  assert.equal(answer.body.toString(), honestBody(target));
  return Number(answer.headers.find(([name]) => name === 'X-Connection')?.[1]);
}

// Another client's request gets its own answer, over the same connection only where that is clean.
async function checkNext(
  lab: Lab,
  { outcome }: Form,
  how: Mode,
  { path, run }: { readonly path: string; readonly run: Run },
): Promise<void> {
  const kept = outcome.kind === 'passed' && outcome.connection === 'kept';
  assert.ok(run.served.length > 0, 'the request came to the server');
  await settled(run);
  const index = await honest(lab, how, `${path}/next${(runs += 1)}`);
  const used = run.served.some((served) => served.index === index);
  assert.equal(used, kept, kept ? 'the connection is used again' : 'another connection is used');
}

const loud = /\[(?:warn|error|crit|alert|emerg)\]/;

async function checkLogs(
  { access, errors }: Lab,
  { outcome }: Form,
  target: string,
): Promise<void> {
  const line = await eventually('the line in the access log', () =>
    access.with(`${target} `).at(0),
  );
  const [, status = '', upstream = ''] = / (\d+) <(.*)>$/.exec(line) ?? [];
  const has = (text: string): boolean =>
    errors.with(` ${target} HTTP/`).some((one) => one.includes(text));
  if (outcome.kind === 'passed') {
    assert.equal(Number(status), outcome.status);
    const { logged } = outcome;
    if (logged !== null) await eventually(`"${logged}" in the error log`, () => has(logged));
    else
      assert.deepEqual(
        errors.with(` ${target} HTTP/`).filter((one) => loud.test(one)),
        [],
      );
    return;
  }
  await eventually(`${outcome.code} in the error log`, () => has(` ${outcome.code}: `));
  assert.equal(status, outcome.kind === 'cut' ? '200' : String(outcome.status));
  const expected = outcome.kind === 'cut' ? ['200'] : [String(outcome.status), '200'];
  for (const one of upstream.split(', ')) {
    assert.ok(expected.includes(one), `$upstream_status ${one}`);
  }
}
