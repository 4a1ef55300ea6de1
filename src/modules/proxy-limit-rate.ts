// `proxy_limit_rate`: how fast a response is read from the upstream server.

import { parseSize } from '../base/size.ts';
import type { Argument } from '../config/node.ts';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';

export const proxyLimitRate = directive<Argument | null>({
  name: 'proxy_limit_rate',
  contexts: inHttpServerLocation,
  args: 1,
  value: {
    expects: 'a size such as 64k, for each second',
    parse(node, help) {
      const [rate] = node.args;
      if (rate === undefined) return null;
      if (rate.text.includes('$') || parseSize(rate.text) !== null) return rate;
      help.error(rate.at, '"proxy_limit_rate" directive invalid value');
      return null;
    },
  },
  default: null,
  defaultText: '0',
  help:
    'Bytes per second that are read of each upstream response; 0 for no limit. Only where the ' +
    'response is buffered.',
  example: 'proxy_limit_rate 512k;',
});

/** Null: there is no limit. */
export function compileLimitRate(
  scope: Scope,
  context: BuildContext,
): ((x: Exchange) => number) | null {
  const given = scope.get(proxyLimitRate);
  if (given === null) return null;
  const rate = context.template(given);
  if (rate.constant !== null) {
    const fixed = parseSize(rate.constant) ?? 0;
    return fixed === 0 ? null : () => fixed;
  }
  return (x) => {
    const text = rate.evaluate(x);
    const bytes = text === '' ? 0 : parseSize(text);
    if (bytes === null) logError(x, 'error', `invalid size "${text}"`);
    return bytes ?? 0;
  };
}
