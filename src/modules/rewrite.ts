// The rewrite phase: `set`, `rewrite`, `if`, `break`, `return`, and what comes of them: another path
// for which a location is looked for anew, or another location where an `if` held.

import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT } from '../exchange/handler.ts';
import { findLocationAgain, handlersOf, locationOf } from '../server/phases.ts';
import type { BuildContext } from './build-context.ts';
import type { LocationBuild, Module } from './module.ts';
import { returnDirective } from './return.ts';
import {
  breakDirective,
  ifInLocation,
  ifInServer,
  rewrite,
  rewriteLog,
  set,
  uninitializedVariableWarn,
} from './rewrite-rows.ts';
import { compileScript, runSteps, type Step } from './rewrite-script.ts';
import { STOP } from './rewrite-step.ts';

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  // The steps of an `if` run within those of the location around it.
  if (scope.context !== 'server' && scope.context !== 'location') return;
  const steps = compileScript(scope, {
    context,
    buildImplicit: (inner) => build.implicit(inner),
  });
  if (steps.length === 0) return;
  build.add('rewrite', build.isServer ? serverHandler(steps) : locationHandler(steps));
}

// A location is looked for afterwards in any case.
function serverHandler(steps: readonly Step[]): Step {
  return (x) => {
    x.quotesCaptures = true;
    const verdict = runSteps(steps, x);
    x.uriChanged = false;
    return verdict === STOP ? NEXT : verdict;
  };
}

function locationHandler(steps: readonly Step[]): Step {
  return (x) => {
    const before = x.location;
    x.quotesCaptures = true;
    const verdict = runSteps(steps, x);
    if (verdict !== NEXT && verdict !== STOP) return verdict;
    if (x.uriChanged) {
      findLocationAgain(x);
      return HANDLED;
    }
    if (x.location !== before) enterImplicit(x);
    return NEXT;
  };
}

/** The handlers of an `if` take the place of those of the location, from the next phase on. */
function enterImplicit(x: Exchange): void {
  x.handlers = handlersOf(x, locationOf(x));
  x.phase = 0;
}

export const rewriteModule: Module = {
  name: 'rewrite',
  directives: [
    set,
    rewrite,
    returnDirective,
    breakDirective,
    ifInServer,
    ifInLocation,
    rewriteLog,
    uninitializedVariableWarn,
  ],
  location,
};
