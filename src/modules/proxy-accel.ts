// `proxy_ignore_headers`: fields by which an upstream server directs this proxy.

import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { mask } from '../config/value-types.ts';
import { Accel, type AccelSettings } from '../forward/proxy-settings.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';

// Those without a bit direct nginx's cache.
const bits = {
  'X-Accel-Redirect': Accel.redirect,
  'X-Accel-Expires': 0,
  'X-Accel-Limit-Rate': Accel.limitRate,
  'X-Accel-Buffering': Accel.buffering,
  'X-Accel-Charset': Accel.charset,
  Expires: 0,
  'Cache-Control': 0,
  'Set-Cookie': 0,
  Vary: 0,
} as const;

type IgnoredField = keyof typeof bits;
const fields = Object.keys(bits) as IgnoredField[];
const all = fields.reduce((sum, field) => sum | bits[field], 0);

export const proxyIgnoreHeaders = directive<readonly IgnoredField[]>({
  name: 'proxy_ignore_headers',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: mask(fields),
  default: [],
  help:
    'Fields of upstream responses that are not obeyed: X-Accel-Redirect (answers with another ' +
    'location), X-Accel-Limit-Rate, X-Accel-Buffering (yes or no) and X-Accel-Charset. The others ' +
    'concern a cache, which there is none of.',
  example: 'proxy_ignore_headers X-Accel-Redirect X-Accel-Buffering;',
});

export function accelSettings(scope: Scope, context: BuildContext): AccelSettings {
  const ignored = scope.get(proxyIgnoreHeaders).reduce((sum, field) => sum | bits[field], 0);
  return { obeyed: all & ~ignored, charsets: context.charsets };
}
