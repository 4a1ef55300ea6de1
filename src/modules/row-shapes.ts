// Rows that many features have: a switch, or a time, inherited from http to location.

import { parseMilliseconds } from '../base/duration.ts';
import { directive, type DirectiveRow } from '../config/row.ts';
import { flag, time } from '../config/value-types.ts';
import { inHttpServerLocation } from './contexts.ts';

interface Shape<V> {
  readonly name: string;
  readonly default: V;
  readonly help: string;
  readonly differs?: string;
  readonly example?: string;
}

/** A directive that is `on` or `off`. */
export function flagRow(shape: Shape<boolean>): DirectiveRow<boolean> {
  return directive({
    ...shape,
    contexts: inHttpServerLocation,
    args: 1,
    value: flag,
    defaultText: shape.default ? 'on' : 'off',
  });
}

/** A time; the default is written as in a configuration, the value is in milliseconds. */
export function timeRow(shape: Shape<string>): DirectiveRow<number> {
  return directive({
    ...shape,
    contexts: inHttpServerLocation,
    args: 1,
    value: time,
    default: parseMilliseconds(shape.default) ?? 0,
    defaultText: shape.default,
  });
}
