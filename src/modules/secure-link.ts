// `secure_link`: links that only who knows a secret can make, and that may end at some time.

import { hash, timingSafeEqual } from 'node:crypto';
import { now } from '../base/clock.ts';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { custom } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { toByteString, type Template } from '../exchange/template.ts';
import type { Getter } from '../exchange/variable.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { locationVariable } from './location-variable.ts';
import type { LocationBuild, Module } from './module.ts';

const oneArgument: ValueType<Argument> = custom(
  'a text with variables',
  (node) => node.args[0] ?? null,
);

function row(name: string, help: string, example: string) {
  return directive<Argument | null>({
    name,
    contexts: inHttpServerLocation,
    args: 1,
    value: oneArgument,
    default: null,
    help,
    example,
  });
}

export const secureLink = row(
  'secure_link',
  'Where the request has its hash and, after a comma, the time until which the link counts, in ' +
    'seconds since 1970. $secure_link is then "1" for a good link, "0" for one out of time, else ' +
    'empty.',
  'secure_link $arg_md5,$arg_expires;\nsecure_link_md5 "$secure_link_expires$uri secret";',
);

export const secureLinkMd5 = row(
  'secure_link_md5',
  'The text whose MD5 hash, in base64url, the link must have.',
  'secure_link_md5 "$secure_link_expires$uri$remote_addr secret";',
);

export const secureLinkSecret = row(
  'secure_link_secret',
  'For links /prefix/hash/link, where the hash is the MD5 of link and secret in hexadecimal digits. ' +
    '$secure_link is then the link, or empty where the hash is wrong.',
  'secure_link_secret word;',
);

const link = locationVariable('secure_link', 'What secure_link found of the link of the request.');
const expires = locationVariable(
  'secure_link_expires',
  'The time in the link until which it counts, for secure_link_md5.',
);

const hashBytes = 16;
/** Base64 of so many bytes, padding included. */
const longestHash = 24;

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

interface Parts {
  readonly hash: string;
  /** Null: there is no limit. */
  readonly expires: string | null;
}

function partsOf(value: string): Parts {
  const comma = value.indexOf(',');
  if (comma === -1) return { hash: value, expires: null };
  return { hash: value.slice(0, comma), expires: value.slice(comma + 1) };
}

function checkedLink(value: Template, text: Template): Getter {
  return (x) => {
    const parts = partsOf(value.evaluate(x));
    const until = parts.expires === null ? 0 : timeOf(parts.expires);
    if (until === null) return null;
    const given = decodeHash(parts.hash);
    const wanted = hash('md5', Buffer.from(text.evaluate(x), 'latin1'), 'buffer');
    if (given === null || !sameBytes(given, wanted)) return null;
    return until > 0 && until < Math.floor(now() / 1000) ? '0' : '1';
  };
}

function timeOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : null;
}

function decodeHash(text: string): Buffer | null {
  if (text.length > longestHash || !/^[A-Za-z0-9_-]*=*$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length === hashBytes ? bytes : null;
}

function linkWithHash(secret: string): Getter {
  return ({ uri }: Exchange) => {
    const parts = /^\/[^/]*\/([^/]*)\/(.*)$/s.exec(uri);
    const [, given = '', rest = ''] = parts ?? [];
    if (!/^[0-9A-Fa-f]{32}$/.test(given)) return null;
    const wanted = hash('md5', Buffer.from(rest + secret, 'latin1'), 'buffer');
    return sameBytes(Buffer.from(given, 'hex'), wanted) ? rest : null;
  };
}

function expiresOf(value: Template): Getter {
  return (x) => {
    const { expires: until } = partsOf(value.evaluate(x));
    return until === null || timeOf(until) === null ? null : until;
  };
}

// A secret of a level takes the place of the other form from above, and the other way round.
function secretOf(scope: Scope, context: BuildContext): string | null {
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    const secret = level.own(secureLinkSecret);
    const other = level.own(secureLink) ?? level.own(secureLinkMd5);
    if (secret === null && other === null) continue;
    if (secret !== null && other !== null) {
      const message =
        '"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"';
      context.reportOnce('error', secret.at, message);
    }
    return secret === null ? null : toByteString(secret.text);
  }
  return null;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const secret = secretOf(scope, context);
  if (secret !== null) {
    link.put(build, linkWithHash(secret));
    return;
  }
  const value = scope.get(secureLink);
  const text = scope.get(secureLinkMd5);
  const where = value === null ? null : context.template(value);
  const hashed = text === null ? null : context.template(text);
  if (where === null || hashed === null) return;
  expires.put(build, expiresOf(where));
  link.put(build, checkedLink(where, hashed));
}

export const secureLinkModule: Module = {
  name: 'secure_link',
  directives: [secureLink, secureLinkMd5, secureLinkSecret],
  variables: [link.row, expires.row],
  location,
};
