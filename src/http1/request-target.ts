// Reads the request target (RFC 9112 3.2) into its form, path and query. As in nginx, path and
// query end at "#"; the target itself stays as received.

import { Char, targetClasses, TargetClass } from './char-class.ts';
import type { HeadReader } from './head-reader.ts';
import { HeadResult } from './head-result.ts';
import { isHostPort } from './host.ts';
import type { RequestHead } from './request-head.ts';

/**
 * Reads from `reader.position` up to the space after the target; `head.method` is known already.
 * Sets form, target, path, query and, where the target has an authority, host.
 *
 * @returns the offset of that space, or a negative `HeadResult`
 */
export function readTarget(reader: HeadReader, head: RequestHead): number {
  const start = reader.position;
  const first = reader.input[start];
  let end: number;
  if (head.method === 'CONNECT') {
    end = readAuthorityForm(reader, head);
  } else if (first === Char.slash) {
    head.form = 'origin';
    end = readPath(reader, head, start);
  } else if (first === Char.star) {
    end = readAsterisk(reader, head);
  } else {
    end = readAbsolute(reader, head);
  }
  if (end < 0) return end;
  if (reader.input[end] !== Char.space) return reader.bad('invalid request target', end);
  head.target = end - start === head.path.length ? head.path : reader.cut(start, end);
  return end;
}

/** Path, query and fragment from `start`, where the path may be empty. */
function readPath(reader: HeadReader, head: RequestHead, start: number): number {
  const input = reader.input;
  let at = start;
  while (targetClasses[input[at] as number] === TargetClass.plain) at += 1;
  head.path = at === start ? '/' : reader.cut(start, at);
  head.hasQuery = input[at] === Char.question;
  head.query = '';
  if (head.hasQuery) {
    const queryStart = at + 1;
    while ((targetClasses[input[at] as number] as number) <= TargetClass.question) at += 1;
    head.query = reader.cut(queryStart, at);
  }
  if (input[at] !== Char.hash) return at;
  while ((targetClasses[input[at] as number] as number) <= TargetClass.hash) at += 1;
  return at;
}

function readAsterisk(reader: HeadReader, head: RequestHead): number {
  const start = reader.position;
  if (head.method !== 'OPTIONS') {
    // The preface of HTTP/2 is made to be understood so far (RFC 9113 3.4).
    if (head.method === 'PRI' && reader.cut(start, start + 9) === '* HTTP/2.') {
      return reader.fail(HeadResult.versionUnsupported, 'preface of HTTP/2', start);
    }
    return reader.bad('"*" as request target', start);
  }
  head.form = 'asterisk';
  head.path = '*';
  head.query = '';
  head.hasQuery = false;
  return start + 1;
}

function readAuthorityForm(reader: HeadReader, head: RequestHead): number {
  const start = reader.position;
  const end = plainEnd(reader, start);
  const authority = reader.cut(start, end);
  const colon = authority.lastIndexOf(':');
  // The port is not optional here (RFC 9112 3.2.3).
  if (!isHostPort(authority) || colon < 0 || colon === authority.length - 1) {
    return reader.bad('CONNECT without host and port', start);
  }
  if (authority.endsWith(']')) return reader.bad('CONNECT without host and port', start);
  head.form = 'authority';
  head.host = authority;
  head.path = '';
  head.query = '';
  head.hasQuery = false;
  return end;
}

function readAbsolute(reader: HeadReader, head: RequestHead): number {
  const start = reader.position;
  const scheme = reader.cut(start, Math.min(start + 8, reader.bound)).toLowerCase();
  let authorityStart = start + 7;
  if (scheme === 'https://') authorityStart = start + 8;
  else if (!scheme.startsWith('http://')) return reader.bad('invalid request target', start);
  const end = plainEnd(reader, authorityStart);
  const authority = reader.cut(authorityStart, end);
  if (!isHostPort(authority)) return reader.bad('invalid host in request target', authorityStart);
  head.form = 'absolute';
  head.host = authority;
  if (reader.input[end] === Char.hash) return reader.bad('invalid request target', end);
  return readPath(reader, head, end);
}

/** The end of a run without "/", "?", "#" and space. */
function plainEnd(reader: HeadReader, start: number): number {
  const input = reader.input;
  let at = start;
  let code = input[at] as number;
  while (code !== Char.slash && targetClasses[code] === TargetClass.plain) {
    code = input[++at] as number;
  }
  return at;
}

/** The port that a target's scheme implies; for CONNECT the one that it names. */
export function defaultPortOf(head: RequestHead): string {
  if (head.form === 'authority') return head.target.slice(head.target.lastIndexOf(':') + 1);
  if (head.form !== 'absolute') return '';
  return head.target.charCodeAt(4) === Char.colon ? '80' : '443';
}
