// User and password of a request's Authorization field, or, for CONNECT, of Proxy-Authorization
// (RFC 7617).

import type { Exchange } from '../../exchange/exchange.ts';
import { FieldId } from '../../http1/field-id.ts';

/** One character per byte, as they came. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** Null where the request has none, or none that can be read, or the user is empty. */
export function basicCredentials(x: Exchange): BasicCredentials | null {
  const ofProxy = x.request.form === 'authority';
  const given = x.request.fields.first(
    ofProxy ? FieldId.proxyAuthorization : FieldId.authorization,
  );
  if (given === null || !/^basic /i.test(given)) return null;
  const encoded = /^ *([A-Za-z0-9+/]+)=*/.exec(given.slice('basic '.length))?.[1];
  if (encoded === undefined || encoded.length % 4 === 1) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  return colon <= 0 ? null : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
