// `limit_rate`: how fast a client gets the body of a response. `$limit_rate` (set by `set`) and the
// upstream's X-Accel-Limit-Rate go before it.

import { parseSize } from '../base/size.ts';
import type { Argument } from '../config/node.ts';
import { directive, type DirectiveRow, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';

const value: ValueType<Argument | null> = {
  expects: 'a size such as 512, 8k or 1m, or variables that have one as their value',
  parse(node, help) {
    const [argument] = node.args;
    if (argument === undefined) return null;
    if (argument.text.includes('$') || parseSize(argument.text) !== null) return argument;
    help.error(argument.at, `"${node.name}" directive invalid value`, `expected ${value.expects}`);
    return null;
  },
};

export const limitRate = directive<Argument | null>({
  name: 'limit_rate',
  contexts: inHttpServerLocationIf,
  args: 1,
  value,
  default: null,
  defaultText: '0',
  help:
    'Bytes per second at which the body of a response is sent, for each request by itself; 0 for ' +
    'no limit. May have variables.',
  differs: 'bytes leave in eighths of a second; nginx sends those of a whole second at once',
  example: 'limit_rate 100k;',
});

export const limitRateAfter = directive<Argument | null>({
  name: 'limit_rate_after',
  contexts: inHttpServerLocationIf,
  args: 1,
  value,
  default: null,
  defaultText: '0',
  help: 'Bytes of a body that are sent before limit_rate applies. May have variables.',
  example: 'limit_rate_after 500k;',
});

type Size = (x: Exchange) => number;

// Null: nothing to evaluate.
function sizeOf(
  scope: Scope,
  row: DirectiveRow<Argument | null>,
  context: BuildContext,
): Size | null {
  const argument = scope.get(row);
  if (argument === null) return null;
  const template = context.template(argument);
  if (template.constant !== null) {
    const bytes = parseSize(template.constant) ?? 0;
    return bytes === 0 ? null : () => bytes;
  }
  return (x) => {
    const text = template.evaluate(x);
    const bytes = parseSize(text);
    if (bytes === null && text !== '') logError(x, 'error', `invalid size "${text}"`);
    return bytes ?? 0;
  };
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const rate = sizeOf(scope, limitRate, context);
  const after = sizeOf(scope, limitRateAfter, context);
  // Even without a rate of its own: a variable may set one.
  if (rate === null && after === null) return;
  build.rateLimit = { rate: rate ?? (() => 0), after: after ?? (() => 0) };
}

export const limitRateModule: Module = {
  name: 'limit_rate',
  directives: [limitRate, limitRateAfter],
  location,
};
