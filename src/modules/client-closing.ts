// How client connections end: `lingering_*`, `reset_timedout_connection`, and whom keepalive is for.

import { directive, type ValueType } from '../config/row.ts';
import { choice } from '../config/value-types.ts';
import { KeepaliveDisable } from '../server/user-agent.ts';
import { inHttpServerLocation } from './contexts.ts';
import { flagRow, timeRow } from './row-shapes.ts';

export const lingeringClose = directive<'off' | 'on' | 'always'>({
  name: 'lingering_close',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['off', 'on', 'always']),
  default: 'on',
  defaultText: 'on',
  help:
    'Whether a connection that closes after a response is read from for a while: "on" where the ' +
    'client may still be sending, "always", or "off", which may cost it the response.',
  example: 'lingering_close always;',
});

export const lingeringTime = timeRow({
  name: 'lingering_time',
  default: '30s',
  help: 'How long the rest of a request is read and thrown away after the response.',
  example: 'lingering_time 10s;',
});

export const lingeringTimeout = timeRow({
  name: 'lingering_timeout',
  default: '5s',
  help: 'How long to wait for more of a request that is being thrown away.',
  example: 'lingering_timeout 2s;',
});

export const resetTimedoutConnection = flagRow({
  name: 'reset_timedout_connection',
  default: false,
  help:
    'Whether connections that have timed out, and those closed with "return 444", are reset, which ' +
    'frees what the kernel still holds for them. Idle ones are always closed normally.',
  example: 'reset_timedout_connection on;',
});

export const keepaliveMinTimeout = timeRow({
  name: 'keepalive_min_timeout',
  default: '0',
  help: 'For so long after a response an idle connection stays open even when the worker ends.',
  example: 'keepalive_min_timeout 5s;',
});

const disableValue: ValueType<number> = {
  expects: '"none", or any of "msie6" and "safari"',
  parse(node, help) {
    let bits = 0;
    for (const { text, at } of node.args) {
      const word = text.toLowerCase();
      const bit = (KeepaliveDisable as Readonly<Record<string, number>>)[word];
      if (bit === undefined) {
        help.error(at, `invalid value "${text}"`, disableValue.expects);
        return null;
      }
      if (bit !== 0 && (bits & bit) !== 0) help.warn(at, `duplicate value "${text}"`);
      bits |= bit;
    }
    return bits;
  },
};

export const keepaliveDisable = directive<number>({
  name: 'keepalive_disable',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: disableValue,
  default: KeepaliveDisable.msie6,
  defaultText: 'msie6',
  help:
    'Browsers whose connections are closed after each response: "msie6" (after a POST), "safari" ' +
    'on macOS.',
  example: 'keepalive_disable msie6 safari;',
});

export const closingRows = [
  lingeringClose,
  lingeringTime,
  lingeringTimeout,
  resetTimedoutConnection,
  keepaliveMinTimeout,
  keepaliveDisable,
] as const;
