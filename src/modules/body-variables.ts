// Variables of the request body. They have a value once it was read, as `proxy_pass` does.

import type { Exchange } from '../exchange/exchange.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { Module } from './module.ts';

function bodyText({ storedBody }: Exchange): string | null {
  if (storedBody === null || storedBody.length === 0 || storedBody.inMemory === null) return null;
  return Buffer.concat(storedBody.inMemory).toString('latin1');
}

// What the proxy's own Content-Length and Transfer-Encoding say of the body that is passed on.
function passedLength(x: Exchange): string | null {
  if (x.storedBody !== null) return String(x.storedBody.length);
  return x.bodyChunked || x.bodyLength < 0 ? null : String(x.bodyLength);
}

function passedChunked(x: Exchange): string | null {
  return x.storedBody === null && x.bodyChunked ? 'chunked' : null;
}

const rows: readonly VariableRow[] = [
  variable(
    'request_body',
    'Request body, once it was read whole into memory (proxy_pass does so).',
    bodyText,
  ),
  variable(
    'request_body_file',
    'Always empty: the temporary file of a request body has no name here.',
    () => null,
  ),
  variable('proxy_internal_body_length', 'Length of the body that is passed on.', passedLength),
  variable('proxy_internal_chunked', '"chunked" if the body is passed on so.', passedChunked),
];

export const bodyVariablesModule: Module = {
  name: 'request body variables',
  directives: [],
  variables: rows,
};
