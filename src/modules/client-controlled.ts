// Variables whose value a client chooses. Where one of them decides about trust - which name is
// verified, which certificate is shown - that is warned of when the configuration is read.

import type { Argument } from '../config/node.ts';
import { splitTemplate } from '../exchange/template.ts';

const names =
  /^(?:(?:http|arg|cookie)_.*|args|query_string|(?:request_|document_)?uri|host|request|request_(?:filename|body|method)|remote_user|ssl_server_name|(?:content_type|content_length))$/i;

/** Those in a text with variables, as written there: `$http_x`. The text has to be well-formed. */
export function clientControlled({ text }: Argument): readonly string[] {
  const parts = splitTemplate(text).flatMap((part) =>
    typeof part === 'string' ? [] : [part.name],
  );
  return [...new Set(parts.filter((name) => names.test(name)))].map((name) => `$${name}`);
}
