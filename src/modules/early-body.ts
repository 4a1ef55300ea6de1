// `client_body_early_read`: reads the body before a location is looked for, so that `$request_body`
// can decide where a request goes.

import type { Argument } from '../config/node.ts';
import { listDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { NEXT, type Handler } from '../exchange/handler.ts';
import { readWholeBody } from '../forward/body-reading.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { bodyStorage } from './proxy-temp.ts';

export const clientBodyEarlyRead = listDirective<readonly Argument[]>({
  name: 'client_body_early_read',
  contexts: inHttpServer,
  args: { min: 1, max: Infinity },
  value: { expects: 'one or several values', parse: (node) => node.args },
  help:
    'A request body is read right after the head, before a location is chosen, if one of the values ' +
    'is neither empty nor "0". The client_body_* settings of the server apply.',
  example: 'client_body_early_read $http_x_route_by_body;',
});

function handlerOf(scope: Scope, wanted: (x: Exchange) => boolean, context: BuildContext): Handler {
  const storage = { ...bodyStorage(scope, context), inFileOnly: 'off' } as const;
  return (x) => {
    if (x.storedBody !== null || !x.hasBody || x.parent !== null || !wanted(x)) return NEXT;
    const limit = locationOf(x).client.clientMaxBodySize;
    if (limit > 0 && x.bodyLength > limit) {
      logError(x, 'error', `client intended to send too large body: ${x.bodyLength} bytes`);
      x.keepAlive = false;
      return 413;
    }
    return readWholeBody(x, storage);
  };
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  if (!build.isServer) return;
  const values = scope
    .get(clientBodyEarlyRead)
    .flat()
    .map((one) => context.template(one));
  if (values.length === 0) return;
  const wanted = (x: Exchange): boolean =>
    values.some((value) => {
      const text = value.evaluate(x);
      return text !== '' && text !== '0';
    });
  build.add('rewrite', handlerOf(scope, wanted, context));
}

export const earlyBodyModule: Module = {
  name: 'client_body_early_read',
  directives: [clientBodyEarlyRead],
  location,
};
