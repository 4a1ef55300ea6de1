// A request that the proxy makes of itself for another one (`auth_request`, `mirror`): an exchange of
// its own with the same server, sent through the location tree as the client's are. Its answer goes
// to whoever asked, not to the client.
//
//   parent ─▶ startSubrequest ─▶ phases of the sub ─▶ SubrequestClient ─▶ receiver ─▶ parent resumes

import { now } from '../base/clock.ts';
import type { Downstream, FirstPart } from '../exchange/downstream.ts';
import { Exchange, type StoredBody } from '../exchange/exchange.ts';
import { Fields } from '../http1/fields.ts';
import { RequestHead } from '../http1/request-head.ts';
import { guarded, locationOf, startPhases } from './phases.ts';
import { logError } from './request-log.ts';
import { isBodyless } from './response-head.ts';
import { SilentClient } from './silent-client.ts';

/** Subrequests within subrequests; nginx's bound. */
const deepest = 50;

/** What is asked. */
export interface SubrequestPlan {
  /** Decoded path. */
  readonly uri: string;
  readonly args: string;
  readonly method: string;
  /** Read whole before; given back (`close`) by the subrequest. */
  readonly body: StoredBody | null;
}

/** Whoever wants the answer. */
export interface SubrequestReceiver {
  /** Bytes of the body. The buffer is the receiver's. Without it the body is thrown away. */
  onSubrequestBody?(chunk: Buffer): void;
  /**
   * It is over, and was not aborted: status, fields and tries can be read, `completed` says whether
   * the answer was whole. It may be called before `startSubrequest` returns.
   */
  onSubrequestEnd(sub: Exchange): void;
}

/** A subrequest under way. */
export class Subrequest {
  readonly #client: SubrequestClient;
  readonly exchange: Exchange;

  constructor(client: SubrequestClient, exchange: Exchange) {
    this.#client = client;
    this.exchange = exchange;
  }

  /** Nobody wants the answer any more. Everything is released; the receiver is not called. */
  abort(): void {
    this.#client.abandon(this.exchange);
  }
}

/**
 * Starts a subrequest. Fields, request line and variables of the configuration's own are its
 * parent's; the body is not, unless it is given.
 *
 * @returns null where subrequests have led to subrequests for too often; the error log says so
 */
export function startSubrequest(
  parent: Exchange,
  plan: SubrequestPlan,
  receiver: SubrequestReceiver,
): Subrequest | null {
  if (depthOf(parent) >= deepest) {
    logError(parent, 'error', `subrequests cycle while processing "${plan.uri}"`);
    return null;
  }
  const client = new SubrequestClient(parent.client, receiver);
  const x = new Exchange(client, {
    request: copyOf(parent.request),
    server: parent.server,
    startedAt: now(),
    fields: new Fields(),
  });
  x.parent = parent;
  x.method = plan.method;
  x.uri = plan.uri;
  x.args = plan.args;
  x.storedBody = plan.body;
  x.bodyLength = plan.body === null ? -1 : plan.body.length;
  x.bodyChunked = false;
  inherit(x, parent);
  client.begin(x);
  guarded(x, startPhases);
  return new Subrequest(client, x);
}

function inherit(x: Exchange, parent: Exchange): void {
  x.internal = true;
  x.targetValid = false;
  x.host = parent.host;
  x.remoteAddress = parent.remoteAddress;
  x.remotePort = parent.remotePort;
  x.requestLength = parent.requestLength;
  x.requestLimit = parent.requestLimit;
  x.connectionLimit = parent.connectionLimit;
  // One set of values for both, as in nginx.
  parent.slots ??= [];
  x.slots = parent.slots;
}

function depthOf(x: Exchange): number {
  let depth = 0;
  for (let one = x.parent; one !== null; one = one.parent) depth += 1;
  return depth;
}

// The connection uses its own for the next request, which need not wait for a subrequest's end.
export function copyOf(request: RequestHead): RequestHead {
  const copy = new RequestHead();
  const { fields } = copy;
  const { names, values, ids } = request.fields;
  names.forEach((name, i) => fields.add(name, values[i] ?? '', ids[i]));
  Object.assign(copy, request, { fields, upgrade: null, expectContinue: false });
  return copy;
}

/** Takes the answer of one subrequest in place of a client. */
class SubrequestClient extends SilentClient {
  readonly #receiver: SubrequestReceiver;

  constructor(client: Downstream, receiver: SubrequestReceiver) {
    super(client);
    this.#receiver = receiver;
  }

  override sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
    if (!x.headFiltered) this.filterHead(x);
    x.headSent = true;
    if (first !== null) this.#take(x, first);
    done?.();
    if (last) this.endBody(x);
    return true;
  }

  override sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean {
    this.#take(x, chunk);
    done?.();
    return true;
  }

  #take(x: Exchange, bytes: Buffer | string): void {
    if (x.method === 'HEAD' || isBodyless(x.status)) return;
    x.bytesSent += bytes.length;
    x.bodyBytesSent += bytes.length;
    if (this.#receiver.onSubrequestBody === undefined || bytes.length === 0) return;
    // The buffer may be reused after the call.
    this.#receiver.onSubrequestBody(
      typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes),
    );
  }

  override endBody(x: Exchange): void {
    x.completed = true;
    this.abortBody(x);
  }

  override abortBody(x: Exchange): void {
    if (this.finish(x)) this.#receiver.onSubrequestEnd(x);
  }

  protected override isLogged(x: Exchange): boolean {
    return locationOf(x).logsSubrequests;
  }
}
