// `X-Accel-*`: fields by which an upstream server directs this proxy. A response has them rarely, so
// one look over the ids of its fields comes first.

import type { Exchange } from '../exchange/exchange.ts';
import { FieldId } from '../http1/field-id.ts';
import { Fields } from '../http1/fields.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { answerStatus, internalRedirect, namedRedirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { decodePercent } from '../server/uri.ts';
import { Accel, type AccelSettings, type CookieRewriter } from './proxy-settings.ts';

/** Is any `X-Accel-*` field there? */
export function hasAccelFields(ids: readonly number[]): boolean {
  for (let i = 0; i < ids.length; i += 1) {
    const id = ids[i] ?? 0;
    if (id >= FieldId.xAccelRedirect && id <= FieldId.xAccelCharset) return true;
  }
  return false;
}

/** What a response directs besides a rate, which is set at once. */
export interface AccelOrders {
  /** Another location is to answer. */
  readonly redirect: string | null;
  readonly buffering: boolean | null;
  readonly charset: string | null;
}

/** Reads the fields that are obeyed. X-Accel-Limit-Rate goes before `limit_rate`. */
export function readAccel(x: Exchange, { fields }: ResponseHead, obeyed: number): AccelOrders {
  const value = (bit: number, id: number): string | null =>
    (obeyed & bit) === 0 ? null : fields.first(id);
  const rate = value(Accel.limitRate, FieldId.xAccelLimitRate);
  if (rate !== null && /^\d{1,15}$/.test(rate)) x.limitRate = Number(rate);
  const buffering = value(Accel.buffering, FieldId.xAccelBuffering)?.toLowerCase();
  return {
    redirect: value(Accel.redirect, FieldId.xAccelRedirect),
    buffering: buffering === 'yes' ? true : buffering === 'no' ? false : null,
    charset: value(Accel.charset, FieldId.xAccelCharset),
  };
}

/** Names the charset of a response, where the configuration knows it and the server said nothing. */
export function applyCharset(x: Exchange, charset: string, { charsets }: AccelSettings): void {
  const { contentType } = x;
  if (contentType === null || charset === '') return;
  if (!charsets.has(charset.toLowerCase())) {
    logError(x, 'error', `unknown charset "${charset}" to override`);
    return;
  }
  const named = /;\s*charset=("[^"]*"|[^;\s]*)/i.exec(contentType)?.[1];
  if (named === undefined) x.contentType = `${contentType}; charset=${charset}`;
  else if (named.toLowerCase() === charset.toLowerCase()) {
    x.contentType = contentType.replace(
      /(;\s*charset=)("[^"]*"|[^;\s]*)/i,
      (_, name: string) => name + charset,
    );
  } else {
    logError(x, 'error', `no "charset_map" between the charsets "${named}" and "${charset}"`);
  }
}

/** Fields that go on from a response whose X-Accel-Redirect is followed. */
const keptNames: ReadonlySet<string> = new Set([
  'set-cookie',
  'content-disposition',
  'cache-control',
  'expires',
  'accept-ranges',
]);

/**
 * Answers with another location in place of a response (X-Accel-Redirect). The attempt must be over.
 *
 * @param target - a path with perhaps arguments, or the name of a location
 */
export function followAccelRedirect(
  x: Exchange,
  target: string,
  head: ResponseHead,
  cookies: CookieRewriter | null,
): void {
  const { fields } = head;
  x.resetResponse();
  x.fields = new Fields();
  fields.names.forEach((name, i) => {
    const value = fields.values[i] ?? '';
    const id = fields.ids[i] ?? 0;
    if (id === FieldId.contentType) x.contentType = value;
    else if (id === FieldId.setCookie) x.fields.add(name, cookies?.(value, x) ?? value, id);
    else if (keptNames.has(name.toLowerCase())) x.fields.add(name, value, id);
  });
  if (target.startsWith('@')) {
    namedRedirect(x, target);
    return;
  }
  const place = safeUri(target);
  if (place === null) {
    logError(x, 'error', `unsafe URI "${target}" was detected`);
    answerStatus(x, 404);
    return;
  }
  if (x.method !== 'HEAD') x.method = 'GET';
  internalRedirect(x, place.uri, place.args);
}

/** Null: it is no path, leads out of the tree, or holds a NUL. */
function safeUri(target: string): { readonly uri: string; readonly args: string } | null {
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const decoded = path.includes('%') ? decodePercent(path) : path;
  // Without the slash it would go on the name of the folder that "root" names.
  if (decoded?.startsWith('/') !== true || decoded.includes('\0')) return null;
  if (/(^|\/)\.\.(\/|$)/.test(decoded)) return null;
  return { uri: decoded, args: question === -1 ? '' : target.slice(question + 1) };
}
