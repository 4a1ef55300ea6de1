// A 103 response of an upstream server as it goes on to the client (RFC 8297).

import { FieldId } from '../http1/field-id.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { isNamed } from './passed-fields.ts';
import type { HiddenFields } from './proxy-settings.ts';

/** The whole head. Fields that are hidden in the final response are hidden here too. */
export function earlyHintsHead(head: ResponseHead, hidden: HiddenFields): string {
  const { names, values, ids } = head.fields;
  let text = 'HTTP/1.1 103 Early Hints\r\n';
  for (let i = 0; i < names.length; i += 1) {
    const id = ids[i] ?? 0;
    const name = names[i] ?? '';
    if (id === FieldId.contentType ? hidden.contentType : id > 0 && hidden.ids[id] === 1) continue;
    if (isNamed(name, hidden.names, head.connectionTokens)) continue;
    text += `${name}: ${values[i] ?? ''}\r\n`;
  }
  return `${text}\r\n`;
}
