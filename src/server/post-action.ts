// `post_action`: when a request is over, a copy of it goes on in another location, and the client
// hears nothing of that. The copy is what gets logged, at the end, as in nginx; the connection is
// free for its next request meanwhile.
//
//   response out ─▶ ClientConnection.finish ─▶ copy ─▶ phases of the action ─▶ log lines

import type { Downstream, FirstPart } from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { Fields } from '../http1/fields.ts';
import { guarded, internalRedirect, locationOf, namedRedirect } from './phases.ts';
import { SilentClient } from './silent-client.ts';
import { copyOf } from './subrequest.ts';

/** nginx's status for a connection that is closed without a word: nothing follows it. */
const closedWithoutWord = 444;

const clientGone = 499;

/** As many redirects as one request may take. */
const mostActions = 10;

/** Is there something to be done after this request? Not after one that was not understood. */
export function hasPostAction(x: Exchange): boolean {
  if (locationOf(x).postAction === null) return false;
  return x.status !== closedWithoutWord && x.request.error === '';
}

/** Starts it. The request itself is released by the caller, and not logged. */
export function startPostAction(x: Exchange): void {
  const copy = goesOn(x);
  // The copy closes it.
  x.storedBody = null;
  guarded(copy, run);
}

function goesOn(x: Exchange): Exchange {
  // A built-in page's status stays in the log, as in nginx.
  const builtIn = x.status >= 300 && x.status !== clientGone && x.upstreamHead === null;
  const kept = builtIn ? x.status : 0;
  const client = new PostActionClient(x.client, kept);
  const request = copyOf(x.request);
  const fields = new Fields();
  const { names, values, ids } = x.fields;
  names.forEach((name, i) => fields.add(name, values[i] ?? '', ids[i]));
  const copy = new Exchange(client, { request, server: x.server, startedAt: x.startedAt, fields });
  const tries = x.tries === null ? null : [...x.tries];
  // What the client was answered stays to be seen in variables.
  const own = { client, request, fields, tries, owner: null, filters: null, endings: null };
  client.begin(copy);
  return Object.assign(copy, x, own, { fixedStatus: 0, ...unanswered });
}

const unanswered = { headFiltered: false, headSent: false, finished: false } as const;

function run(x: Exchange): void {
  const target = locationOf(x).postAction ?? '';
  if (target.startsWith('/')) internalRedirect(x, target, '');
  else namedRedirect(x, target);
}

/** Takes an answer that nobody wants. */
class PostActionClient extends SilentClient {
  readonly #keptStatus: number;
  #actions = 1;

  /** @param keptStatus - what the log says in place of the action's status; 0: nothing */
  constructor(client: Downstream, keptStatus: number) {
    super(client);
    this.#keptStatus = keptStatus;
  }

  override sendHead(x: Exchange, _first: FirstPart, last: boolean, done?: () => void): boolean {
    x.headFiltered = true;
    x.headSent = true;
    done?.();
    if (last) this.endBody(x);
    return true;
  }

  // The location of an action may have one of its own.
  override endBody(x: Exchange): void {
    if (x.finished) return;
    x.owner = null;
    this.#actions += 1;
    if (locationOf(x).postAction !== null && this.#actions <= mostActions) {
      x.headFiltered = false;
      x.headSent = false;
      guarded(x, run);
      return;
    }
    if (this.#keptStatus !== 0) x.status = this.#keptStatus;
    this.finish(x);
  }

  override abortBody(x: Exchange): void {
    this.endBody(x);
  }
}
