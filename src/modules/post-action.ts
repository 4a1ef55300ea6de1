// `post_action`: what is done once a request is over.

import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { text } from '../config/value-types.ts';
import { toByteString } from '../exchange/template.ts';
import { inHttpServerLocationIf } from './contexts.ts';

export const postAction = directive<string>({
  name: 'post_action',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: text,
  default: 'off',
  defaultText: 'off',
  help:
    'A URI, or "@name" of a location, where a request goes on once it is over; the client hears ' +
    'nothing of that. Method, fields, and the body if it was read whole, stay; variables such as ' +
    '$status tell what the client was answered. The access log has one line, of the action.',
  differs:
    'the next request of the connection need not wait for it; "off" is none, which nginx takes for ' +
    'the name of a location',
  example: 'post_action /done;',
});

/** Null where there is none. */
export function postActionOf(scope: Scope): string | null {
  const target = scope.get(postAction);
  return target === 'off' || target === '' ? null : toByteString(target);
}
