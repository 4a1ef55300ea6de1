// `proxy_pass_trailers`: fields after the body of an upstream response, for the client.

import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HiddenFields } from '../forward/proxy-settings.ts';
import { isFieldValue } from '../http1/text.ts';
import { flagRow } from './row-shapes.ts';

export const proxyPassTrailers = flagRow({
  name: 'proxy_pass_trailers',
  default: false,
  help:
    'Whether fields after the body of an upstream response in chunks go on to the client, and the ' +
    'field Trailer that names them. Servers send them where asked: proxy_set_header TE trailers.',
  differs: 'fields that frame, route or authenticate never go on (RFC 9110, 6.5.1)',
  example: 'proxy_pass_trailers on;',
});

/** Null: they stay here. */
export function compileTrailers(
  scope: Scope,
  hidden: HiddenFields,
): ((x: Exchange) => string) | null {
  if (!scope.get(proxyPassTrailers)) return null;
  return (x) => {
    const trailers = x.upstreamTrailers;
    if (trailers === null) return '';
    let lines = '';
    trailers.names.forEach((name, i) => {
      const value = trailers.values[i] ?? '';
      const id = trailers.ids[i] ?? 0;
      const isHidden = id > 0 ? hidden.ids[id] === 1 : hidden.names.has(name.toLowerCase());
      if (!isHidden && isFieldValue(value)) lines += `${name}: ${value}\r\n`;
    });
    return lines;
  };
}
