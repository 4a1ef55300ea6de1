// "Beside real nginx": one configuration runs in nginx and in the proxy under test, each with
// recording upstreams of its own; both get the same requests; what they answered and what their
// upstreams received comes back in pairs, made comparable.
//
//   requests -> nginx -> its upstreams      -> pair -> assertSameAsNginx
//   requests -> proxy -> its upstreams      ->

import assert from 'node:assert/strict';
import { lstatSync, readdirSync, utimesSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { startNginx } from './nginx.ts';
import { normaliseAnswer, normaliseRequest } from './normalise.ts';
import type { Ignored, NormalAnswer, NormalRequest, Replacements } from './normalise.ts';
import { freePorts } from './ports.ts';
import { RawConnection } from './raw-client.ts';
import type { RawResponse, RequestOptions, Target } from './raw-client.ts';
import { RecordingUpstream } from './recording-upstream.ts';
import type { UpstreamOptions } from './recording-upstream.ts';
import type { RecordedRequest } from './request-reader.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';
import { tempFolder } from './temp-folder.ts';

/** How the proxy under test is started; it must listen when the promise resolves. */
export interface ProxyStarter {
  start(configText: string, folder: string): Promise<{ stop(): Promise<void> }>;
}

/** What one side's configuration is written with. */
export interface Site<Name extends string = string> {
  /** The first of `ports`. */
  readonly port: number;
  /** Ports to listen on, as many as were asked for. */
  readonly ports: readonly number[];
  /** Addresses of the upstreams, as `server` and `proxy_pass` take them. */
  readonly upstreams: Readonly<Record<Name, string>>;
  /** A folder for files; the prefix of relative paths. */
  readonly folder: string;
}

/** One row of a test's table: a request, sent to both. */
export interface ComparedRequest extends RequestOptions {
  /** Says which row it is where a comparison fails. Default: method and path. */
  readonly name?: string;
  /** Index of the port to send it to. Default 0. */
  readonly to?: number;
  /** TLS for the client's connection; `ca` and `servername`. */
  readonly tls?: Target['tls'];
  /** Exact bytes instead of a well-formed request; one response is read. */
  readonly raw?: string | Buffer;
  /** Anything else: several requests on one connection, half-sent ones, … */
  readonly exchange?: (connection: RawConnection) => Promise<RawResponse[]>;
  /** Why the proxy answers differently on purpose. The comparison then fails where it does not. */
  readonly differs?: string;
}

export interface Comparison<Name extends string = string> {
  readonly proxy: ProxyStarter;
  /** The whole configuration for one side. */
  readonly config: (site: Site<Name>) => string;
  readonly requests: readonly ComparedRequest[];
  /** The upstreams that each side gets; default: one named `upstream`. */
  readonly upstreams?: Readonly<Record<Name, UpstreamOptions>>;
  /** How many ports to listen on. Default 1. */
  readonly listens?: number;
  readonly ignore?: Ignored;
  /** The test's context: ends everything. */
  readonly scope?: Scope;
}

/** What came of one request on one side. */
export interface Observed<Name extends string = string> {
  /** Normalised answers; one for each request that was answered. */
  readonly answers: readonly NormalAnswer[];
  /** Normalised requests by upstream; upstreams that received none are absent. */
  readonly received: Readonly<Partial<Record<Name, readonly NormalRequest[]>>>;
  /** Why there is no (further) answer: the connection was closed, or nothing came. Null if all came. */
  readonly failure: string | null;
  /** The same as they came, for what normalising hides. */
  readonly rawAnswers: readonly RawResponse[];
  readonly rawReceived: Readonly<Record<Name, readonly RecordedRequest[]>>;
}

/** One request and what both sides made of it. */
export interface ComparedPair<Name extends string = string> {
  readonly name: string;
  readonly differs: string | null;
  readonly nginx: Observed<Name>;
  readonly proxy: Observed<Name>;
}

/** Runs all requests against nginx and against the proxy, in order. */
export async function compareWithNginx<Name extends string = 'upstream'>(
  comparison: Comparison<Name>,
): Promise<ComparedPair<Name>[]> {
  const nginx = await startSide(comparison, {
    start: (text, folder) => startNginx(text, { folder, scope: comparison.scope }),
  });
  const proxy = await startSide(comparison, comparison.proxy);
  const pairs: ComparedPair<Name>[] = [];
  for (const request of comparison.requests) {
    pairs.push({
      name: request.name ?? `${request.method ?? 'GET'} ${request.path ?? '/'}`,
      differs: request.differs ?? null,
      nginx: await observe(nginx, request, comparison.ignore),
      proxy: await observe(proxy, request, comparison.ignore),
    });
  }
  return pairs;
}

/** Fails with every pair that is not alike, or that is alike although its row says otherwise. */
export function assertSameAsNginx(pairs: readonly ComparedPair[]): void {
  const problems = pairs.flatMap((pair) => {
    const [expected, actual] = [comparable(pair.nginx), comparable(pair.proxy)];
    const alike = isDeepStrictEqual(actual, expected);
    if (pair.differs === null) return alike ? [] : [difference(pair.name, actual, expected)];
    return alike ? [`${pair.name}: like nginx, although ${pair.differs}`] : [];
  });
  assert.ok(problems.length === 0, problems.join('\n\n'));
}

function comparable(observed: Observed): Pick<Observed, 'answers' | 'received' | 'failure'> {
  const { answers, received, failure } = observed;
  return { answers, received, failure };
}

// Line by line, without the lines that both sides have.
function difference(name: string, actual: unknown, expected: unknown): string {
  const [ours, theirs] = [leaves(actual), leaves(expected)];
  const only = (lines: readonly string[], others: readonly string[]): string[] =>
    lines.filter((line) => !others.includes(line));
  return [
    `${name}: differs from nginx`,
    ...only(ours, theirs).map((line) => `  proxy: ${line}`),
    ...only(theirs, ours).map((line) => `  nginx: ${line}`),
  ].join('\n');
}

// One line for each value, with the way to it; a header is one value.
function leaves(value: unknown, path = ''): string[] {
  const isHeader = Array.isArray(value) && typeof value[0] === 'string';
  if (typeof value !== 'object' || value === null || isHeader) {
    return [`${path} = ${JSON.stringify(value)}`];
  }
  const nested = Object.entries(value);
  if (nested.length === 0) return [`${path} = ${JSON.stringify(value)}`];
  return nested.flatMap(([key, inner]) =>
    leaves(inner, Array.isArray(inner) && typeof inner[0] === 'string' ? path : `${path}.${key}`),
  );
}

interface Side<Name extends string> {
  readonly ports: readonly number[];
  readonly upstreams: Readonly<Record<Name, RecordingUpstream>>;
  readonly replacements: Replacements;
}

async function startSide<Name extends string>(
  comparison: Comparison<Name>,
  starter: ProxyStarter,
): Promise<Side<Name>> {
  const { scope, listens = 1 } = comparison;
  const folder = tempFolder(scope);
  const ports = await freePorts(listens);
  const upstreams = await startUpstreams(comparison, scope);
  const names = Object.keys(upstreams) as Name[];
  const addresses = Object.fromEntries(names.map((name) => [name, upstreams[name].address]));
  const site = {
    port: ports[0] ?? 0,
    ports,
    upstreams: addresses as Record<Name, string>,
    folder,
  };
  const text = comparison.config(site);
  settleTimes(folder);
  const running = await starter.start(text, folder);
  atEnd(scope, () => running.stop());
  const replacements = [
    ...ports.map((port, index) => [String(port), `<port ${index}>`] as const),
    ...names.map((name) => [upstreams[name].address, `<address of ${name}>`] as const),
    ...names.map((name) => [String(upstreams[name].port), `<port of ${name}>`] as const),
    [folder, '<folder>'] as const,
  ].filter(([from]) => from !== '0');
  return { ports, upstreams, replacements };
}

// Both sides write their files for themselves, maybe in two different seconds: what is as new as that
// gets one time for both.
function settleTimes(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'buffer' })) {
    const file = Buffer.concat([Buffer.from(`${folder}/`), name]);
    const stat = lstatSync(file);
    if (stat.isSymbolicLink() || Date.now() - stat.mtimeMs > 60_000) continue;
    utimesSync(file, writtenAt, writtenAt);
  }
}

const writtenAt = new Date('2026-01-02T03:04:05Z');

async function startUpstreams<Name extends string>(
  comparison: Comparison<Name>,
  scope: Scope | undefined,
): Promise<Record<Name, RecordingUpstream>> {
  const wanted: Record<string, UpstreamOptions> = comparison.upstreams ?? { upstream: {} };
  const started: Record<string, RecordingUpstream> = {};
  for (const [name, options] of Object.entries(wanted)) {
    started[name] = await RecordingUpstream.start(options, scope);
  }
  return started as Record<Name, RecordingUpstream>;
}

async function observe<Name extends string>(
  side: Side<Name>,
  request: ComparedRequest,
  ignore: Ignored | undefined,
): Promise<Observed<Name>> {
  const upstreams = Object.entries(side.upstreams) as [Name, RecordingUpstream][];
  for (const [, upstream] of upstreams) upstream.clear();
  const { answers, failure } = await send(side, request);
  const raw = upstreams.map(([name, upstream]) => [name, [...upstream.requests]] as const);
  const received = raw
    .filter(([, requests]) => requests.length > 0)
    .map(([name, requests]) => [
      name,
      requests.map((one) => normaliseRequest(one, side.replacements, ignore)),
    ]);
  return {
    answers: answers.map((answer) => normaliseAnswer(answer, side.replacements, ignore)),
    received: Object.fromEntries(received) as Observed<Name>['received'],
    failure,
    rawAnswers: answers,
    rawReceived: Object.fromEntries(raw) as Observed<Name>['rawReceived'],
  };
}

async function send(
  side: Side<string>,
  request: ComparedRequest,
): Promise<{ answers: RawResponse[]; failure: string | null }> {
  const port = side.ports[request.to ?? 0] ?? 0;
  const target = request.tls === undefined ? { port } : { port, tls: request.tls };
  let connection: RawConnection | null = null;
  try {
    connection = await RawConnection.open(target);
    return { answers: await run(connection, request), failure: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { answers: [], failure: message.replace(/; received so far.*/s, '') };
  } finally {
    connection?.close();
  }
}

async function run(connection: RawConnection, request: ComparedRequest): Promise<RawResponse[]> {
  if (request.exchange !== undefined) return request.exchange(connection);
  if (request.raw === undefined) return [await connection.request(request)];
  await connection.send(request.raw);
  return [await connection.response(request.method)];
}
