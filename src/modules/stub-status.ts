// `stub_status`: what the workers are doing, as a small text; and the same as variables.

import type { WorkerCounters, CounterTotals } from '../base/worker-counters.ts';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { HANDLED, type Handler } from '../exchange/handler.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { BuildContext } from './build-context.ts';
import { inServerLocation } from './contexts.ts';
import { ownOrAround } from './implicit-location.ts';
import type { LocationBuild, Module } from './module.ts';

export const stubStatus = directive({
  name: 'stub_status',
  contexts: inServerLocation,
  args: { min: 0, max: 1 },
  value: { expects: 'nothing', parse: () => true },
  default: false as boolean,
  inherits: false,
  help: 'Answers GET with how many connections and requests there were and are, summed over all workers.',
  example: 'stub_status;',
});

function statusText({ accepts, handled, requests, ...now }: CounterTotals): string {
  return (
    `Active connections: ${now.active} \n` +
    'server accepts handled requests\n' +
    ` ${accepts} ${handled} ${requests} \n` +
    `Reading: ${now.reading} Writing: ${now.writing} Waiting: ${now.waiting} \n`
  );
}

function statusHandler(counters: WorkerCounters): Handler {
  return (x) => {
    if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
    const text = statusText(counters.totals());
    x.status = x.fixedStatus === 0 ? 200 : x.fixedStatus;
    x.contentType = 'text/plain';
    x.contentLength = text.length;
    x.client.sendHead(x, text, true);
    return HANDLED;
  };
}

type Present = 'active' | 'reading' | 'writing' | 'waiting';

const present: Readonly<Record<Present, string>> = {
  active: 'Open client connections.',
  reading: 'Connections on which a part of a request head has arrived.',
  writing: 'Requests that are being answered.',
  waiting: 'Idle client connections.',
};
const names = Object.keys(present) as Present[];

// The counters belong to a proxy, which a row does not know: `define` gives them their values.
const variables: readonly VariableRow[] = names.map((name) =>
  variable(`connections_${name}`, present[name], () => null),
);

function define(_http: Scope, context: BuildContext): () => void {
  for (const name of names) {
    context.variables.defineComputed(`connections_${name}`, () =>
      String(context.counters.totals()[name]),
    );
  }
  return () => undefined;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  if (ownOrAround(scope, stubStatus) === true) build.setContent(statusHandler(context.counters));
}

export const stubStatusModule: Module = {
  name: 'stub_status',
  directives: [stubStatus],
  variables,
  define,
  location,
};
