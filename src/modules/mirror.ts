// `mirror`: copies of requests go to other locations, whose answers nobody gets. The request itself
// does not wait for them.

import type { Position } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange, StoredBody } from '../exchange/exchange.ts';
import { HANDLED, NEXT, type Handler } from '../exchange/handler.ts';
import { toByteString } from '../exchange/template.ts';
import { readWholeBody } from '../forward/body-reading.ts';
import type { BodyStorage } from '../forward/request-spool.ts';
import { logError } from '../server/request-log.ts';
import { emptyBody, shareBody } from '../server/shared-body.ts';
import { startSubrequest, type SubrequestReceiver } from '../server/subrequest.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { bodyStorage } from './proxy-temp.ts';
import { flagRow } from './row-shapes.ts';

interface Line {
  readonly uri: string;
  readonly at: Position;
}

const uriValue: ValueType<Line> = {
  expects: 'the path of a location, or "off"',
  parse: (node) => ({ uri: node.args[0]?.text ?? '', at: node.at }),
};

/** Mirrored requests of a worker that may be under way at a time. */
const mostUnderWay = 1000;

export const mirror = listDirective<Line>({
  name: 'mirror',
  contexts: inHttpServerLocation,
  args: 1,
  value: uriValue,
  defaultText: 'off',
  help:
    'Path of a location that gets a copy of each request, with its query and method. Its answer is ' +
    `thrown away, and the request does not wait for it. Beyond ${mostUnderWay} copies under way in ` +
    'a worker further ones are left out, with a line in the error log. "off" lifts what a higher ' +
    'level says.',
  differs: 'the next request over the connection does not wait for the copy of the one before',
  example: 'mirror /copy;',
});

export const mirrorRequestBody = flagRow({
  name: 'mirror_request_body',
  default: true,
  help:
    'Whether copies have the body. It is read whole then before the request goes on, so that ' +
    'proxy_request_buffering off has no effect.',
  example: 'mirror_request_body off;',
});

/** Counts the copies of a worker. */
class UnderWay implements SubrequestReceiver {
  count = 0;

  onSubrequestEnd(): void {
    this.count -= 1;
  }
}

const underWayOf = new WeakMap<BuildContext, UnderWay>();

function underWay(context: BuildContext): UnderWay {
  const known = underWayOf.get(context);
  if (known !== undefined) return known;
  const made = new UnderWay();
  underWayOf.set(context, made);
  return made;
}

interface Settings {
  readonly uris: readonly string[];
  /** Null: copies have no body. */
  readonly storage: BodyStorage | null;
  readonly copies: UnderWay;
}

function handlerOf(settings: Settings): Handler {
  const { storage } = settings;
  return (x) => {
    if (x.parent !== null) return NEXT;
    if (storage !== null && readWholeBody(x, storage) === HANDLED) return HANDLED;
    sendCopies(x, settings);
    return NEXT;
  };
}

function sendCopies(x: Exchange, { uris, storage, copies }: Settings): void {
  const left = mostUnderWay - copies.count;
  if (left < uris.length) {
    logError(x, 'error', `${mostUnderWay} mirrored requests are under way, one is left out`);
    return;
  }
  const bodies = storage === null ? null : sharesOf(x, uris.length);
  uris.forEach((uri, i) => {
    copies.count += 1;
    const plan = { uri, args: x.args, method: x.method, body: bodies?.[i] ?? null };
    if (startSubrequest(x, plan, copies) === null) copies.count -= 1;
  });
}

function sharesOf(x: Exchange, count: number): readonly StoredBody[] | null {
  if (x.storedBody !== null) {
    const [own, ...others] = shareBody(x.storedBody, count + 1);
    x.storedBody = own ?? null;
    return others;
  }
  return x.bodyLength === 0 ? Array.from({ length: count }, () => emptyBody) : null;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const lines = scope.get(mirror);
  const off = lines.find(({ uri }) => uri === 'off');
  if (off !== undefined && lines.length > 1) {
    context.reportOnce('error', lines[1]?.at ?? off.at, '"mirror" directive is duplicate');
  }
  if (lines.length === 0 || off !== undefined) return;
  build.add(
    'precontent',
    handlerOf({
      uris: lines.map(({ uri }) => toByteString(uri)),
      storage: scope.get(mirrorRequestBody) ? bodyStorage(scope, context) : null,
      copies: underWay(context),
    }),
  );
}

export const mirrorModule: Module = {
  name: 'mirror',
  directives: [mirror, mirrorRequestBody],
  location,
};
