// `queue`: requests wait for a server of the group that can take them.

import { parseMilliseconds } from '../base/duration.ts';
import { directive } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import type { QueueSettings } from '../upstream/wait-queue.ts';
import { inUpstream } from './contexts.ts';
import { wholeNumber } from './upstream-server-line.ts';

const defaultTimeoutMs = 60_000;

export const queue = directive<QueueSettings | null>({
  name: 'queue',
  contexts: inUpstream,
  args: { min: 1, max: 2 },
  value: custom('a number of requests, perhaps "timeout=TIME"', (node, help) => {
    const [first, second] = node.args;
    const length = wholeNumber(first?.text ?? '');
    if (length === null || length === 0) {
      help.error(first?.at ?? node.at, `invalid number of requests "${first?.text ?? ''}"`);
      return null;
    }
    if (second === undefined) return { length, timeoutMs: defaultTimeoutMs };
    const timeoutMs = second.text.startsWith('timeout=')
      ? parseMilliseconds(second.text.slice(8))
      : null;
    if (timeoutMs === null) {
      help.error(second.at, `invalid parameter "${second.text}"`);
      return null;
    }
    return { length, timeoutMs };
  }),
  default: null,
  help:
    'How many requests each worker lets wait while no server of the group can take one more, and ' +
    'for how long (timeout=, 60s). Those beyond, and those that have waited too long, get 502. One ' +
    'whose client goes away leaves the queue; with "proxy_request_buffering off" that is not seen ' +
    'while the client has 64k or more of a body yet to be taken from it.',
  example: 'queue 100 timeout=70s;',
});
