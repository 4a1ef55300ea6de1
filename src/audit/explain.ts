// `sallyport explain`: one request through the compiled configuration, by the code that serves, up to
// where something would leave this process.
//
//   URL ─▶ head, parsed ─▶ port ─▶ route ─▶ phases ─▶ ExplainTrace.pass ─▶ an empty 200 ─▶ log lines

import { randomBytes } from 'node:crypto';
import { now } from '../base/clock.ts';
import { SallyportError } from '../base/errors.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { FileSources } from '../config/source.ts';
import { Exchange } from '../exchange/exchange.ts';
import { Fields } from '../http1/fields.ts';
import { parseRequestHead, RequestHead } from '../http1/request-head.ts';
import { compileConfiguration, type ListenAddress } from '../modules/compile.ts';
import { sslVerifyClient } from '../modules/ssl-rows.ts';
import { guarded, locationOf, serverOf } from '../server/phases.ts';
import { requestLine } from '../server/request-log.ts';
import { rejectHead, route } from '../server/router.ts';
import type { Port, Snapshot } from '../server/virtual-server.ts';
import { policyOfHandshake, serverOfHandshake } from '../server/virtual-server.ts';
import { systemLookup, type HostLookup } from '../upstream/resolve.ts';
import { explainedTls, readUrl, requestBytes, type ReadUrl } from './explain-request.ts';
import { explainServer } from './explain-choice.ts';
import { ExplainClient } from './explain-client.ts';
import { effectiveDirectives } from './explain-directives.ts';
import type { ExplainedRequest, Explanation } from './explain-model.ts';
import { ExplainTrace } from './explain-trace.ts';
import { explainUpstream } from './explain-upstream.ts';
import { readable, scopeText } from './explain-words.ts';

/** Which configuration. */
export interface ExplainPlace {
  /** Absolute path of the main file. */
  readonly file: string;
  /** Absolute folder that relative paths belong to, with a slash at its end. */
  readonly prefix: string;
  /** The configuration itself, instead of the text of the file. */
  readonly text?: string;
  /** Default: the system's resolver. */
  readonly lookup?: HostLookup;
}

/** Either what happens, or why the configuration cannot be read. */
export type ExplainResult =
  | { readonly explanation: Explanation; readonly diagnostics: readonly Diagnostic[] }
  | { readonly explanation: null; readonly diagnostics: readonly Diagnostic[] };

/** Milliseconds after which a request that waits (for a name server, for `limit_req`) is let be. */
const longestWait = 10_000;

/** For hosts that cannot be resolved here: a configuration is often read elsewhere. */
const nowhere = '0.0.0.0';

/** A configuration that explains one request after the other. */
export class Explainer {
  readonly #snapshot: Snapshot;
  readonly #trace: ExplainTrace;
  readonly #notes: readonly string[];

  private constructor(snapshot: Snapshot, trace: ExplainTrace, notes: readonly string[]) {
    this.#snapshot = snapshot;
    this.#trace = trace;
    this.#notes = notes;
  }

  /** Reads a configuration; null where it has errors. */
  static async load(
    place: ExplainPlace,
  ): Promise<{ explainer: Explainer | null; diagnostics: readonly Diagnostic[] }> {
    const trace = new ExplainTrace();
    const notes: string[] = [];
    const { lookup = systemLookup } = place;
    const compiled = await compileConfiguration({
      file: place.file,
      prefix: place.prefix,
      ...(place.text === undefined ? {} : { text: place.text }),
      sources: new FileSources(),
      lookup: (name) => resolved(name, lookup, notes),
      ticketKeys: randomBytes(48),
      pid: process.pid,
      privileged: true,
      trace,
    });
    const { snapshot, diagnostics } = compiled;
    const explainer = snapshot === null ? null : new Explainer(snapshot, trace, notes);
    return { explainer, diagnostics: diagnostics.list };
  }

  /**
   * Says what happens to a request. One at a time.
   *
   * @throws SallyportError (CONFIG_INVALID) where the request is none, or nothing listens for it
   */
  async explain(request: ExplainedRequest): Promise<Explanation> {
    const url = readUrl(request.url);
    const { listen, port, note } = this.#listenFor(url);
    this.#trace.begin();
    const head = new RequestHead();
    const bytes = requestBytes(url, request);
    const { defaultServer } = port;
    const end = parseRequestHead(bytes, 0, bytes.length, head, defaultServer.limits);
    const client = this.#clientOf(request, url, { listen, port });
    const x = new Exchange(client, {
      request: head,
      server: defaultServer,
      startedAt: now(),
      fields: new Fields(),
    });
    if (end < 0) rejectHead(x, end);
    else guarded(x, route);
    const timely = await this.#ended(client);
    const notes = [...this.#notes, ...(note === null ? [] : [note])];
    if (!timely) notes.push(`the request was still waiting after ${longestWait / 1000} seconds`);
    return this.#describe(x, client, notes);
  }

  /** Closes what the configuration holds. */
  dispose(): void {
    this.#snapshot.dispose();
  }

  #clientOf(
    request: ExplainedRequest,
    url: ReadUrl,
    { listen, port }: { readonly listen: ListenAddress; readonly port: Port },
  ): ExplainClient {
    const shaken = serverOfHandshake(port, url.hostName);
    const policy = port.tls ? policyOfHandshake(port, shaken) : null;
    const { address } = listen;
    const judge = this.#trace.servers.get(shaken.tls === null ? port.defaultServer : shaken);
    const required = judge?.scope.get(sslVerifyClient) === 'on';
    return new ExplainClient({
      port,
      localAddress: address.kind === 'ip' ? localAddress(address.host) : address.path,
      localPort: address.kind === 'ip' ? address.port : 0,
      remoteAddress: request.clientAddress ?? '127.0.0.1',
      tls: port.tls ? explainedTls(request, url, required) : null,
      policyKey: policy?.clientVerificationKey ?? '',
    });
  }

  #listenFor(url: ReadUrl): { listen: ListenAddress; port: Port; note: string | null } {
    const { listens } = this.#snapshot;
    const fits = listens.filter(
      ({ address }) => address.kind === 'ip' && address.port === url.port,
    );
    const literal = fits.find(
      ({ address }) => address.kind === 'ip' && address.host === url.hostName,
    );
    const listen = literal ?? fits.find(({ key }) => key.startsWith('0.0.0.0:')) ?? fits[0];
    if (listen !== undefined) {
      const port = listen.byLocalAddress?.get(url.hostName) ?? listen.port;
      return { listen, port, note: null };
    }
    const other = url.portGiven ? undefined : listens.find(({ port }) => port.tls === url.tls);
    if (other !== undefined) {
      const note = `nothing listens on port ${url.port}: ${other.key} is taken`;
      return { listen: other, port: other.port, note };
    }
    const known = listens.map(({ key, port }) => `${key}${port.tls ? ' (TLS)' : ''}`);
    throw new SallyportError(
      'CONFIG_INVALID',
      `nothing listens on port ${url.port}; there are ${known.join(', ')}`,
    );
  }

  async #ended(client: ExplainClient): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), longestWait);
    const timely = await Promise.race([client.over.then(() => true), late]);
    clearTimeout(timer);
    return timely;
  }

  #describe(x: Exchange, client: ExplainClient, notes: readonly string[]): Explanation {
    const trace = this.#trace;
    trace.end(x);
    const server = serverOf(x);
    const known = trace.servers.get(server);
    const { port } = client.host;
    const scope = trace.current;
    const passed = trace.passed.map((one) => explainUpstream(one));
    const file =
      passed.every(({ sub }) => sub) && x.status < 300 && scope !== null
        ? (locationOf(x).requestFilename?.(x) ?? null)
        : null;
    return {
      request: { line: readable(requestLine(x)), listen: port.key, tls: port.tls },
      server: {
        name: server.name,
        at: known?.scope.node?.at ?? null,
        why: explainServer(
          x.request.host === null ? null : x.host,
          known?.names ?? [],
          server === port.defaultServer,
        ),
      },
      steps: [...trace.steps],
      location: scope === null ? null : { text: scopeText(scope), at: scope.node?.at ?? null },
      directives: scope === null ? [] : effectiveDirectives(scope),
      upstreams: passed,
      answer: { status: x.status, head: readable(client.head).trimEnd().split('\r\n') },
      file: file === null ? null : readable(file),
      accessLog: [...trace.accessLines],
      errorLog: [...trace.errorLines],
      notes,
    };
  }
}

async function resolved(
  name: string,
  lookup: HostLookup,
  notes: string[],
): Promise<readonly string[]> {
  const found = await lookup(name).catch(() => []);
  if (found.length > 0) return found;
  notes.push(`"${name}" cannot be resolved here: ${nowhere} stands for its addresses`);
  return [nowhere];
}

function localAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
