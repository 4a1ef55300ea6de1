// Variables of the request body. They have a value once it was read, as `proxy_pass` does.

import type { Exchange } from '../exchange/exchange.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { Module } from './module.ts';

function bodyText({ storedBody }: Exchange): string | null {
  if (storedBody === null || storedBody.length === 0 || !storedBody.inMemory) return null;
  return Buffer.concat(storedBody.parts()).toString('latin1');
}

// What the proxy's own Content-Length and Transfer-Encoding say of the body that is passed on.
function passedLength({ passedBody }: Exchange): string | null {
  return passedBody < 0 ? null : String(passedBody);
}

function passedChunked({ passedBody }: Exchange): string | null {
  return passedBody === -1 ? 'chunked' : null;
}

const rows: readonly VariableRow[] = [
  variable(
    'request_body',
    'Request body, once it was read whole into memory (proxy_pass does so).',
    bodyText,
  ),
  variable(
    'request_body_file',
    'File of the request body where client_body_in_file_only asks for one; others have no name.',
    (x) => x.storedBody?.fileName ?? null,
  ),
  variable('proxy_internal_body_length', 'Length of the body that is passed on.', passedLength),
  variable('proxy_internal_chunked', '"chunked" if the body is passed on so.', passedChunked),
];

export const bodyVariablesModule: Module = {
  name: 'request body variables',
  directives: [],
  variables: rows,
};
