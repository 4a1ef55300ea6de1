// What a recording upstream answers: a well-formed response from a few facts, or exact bytes.

import { headerValue } from './message.ts';
import type { HeaderLines } from './message.ts';
import { chunked, headerLines } from './raw-client.ts';

/** A scripted answer. Default: 200, `text/plain`, the body `ok\n`. */
export interface Answer {
  readonly status?: number;
  readonly reason?: string;
  readonly version?: '1.0' | '1.1';
  /** Sent in this order and case; framing headers are added where they are missing. */
  readonly headers?: HeaderLines | Readonly<Record<string, string>>;
  /** Sent with Content-Length, or chunked where the headers say so. */
  readonly body?: string | Buffer;
  /** Exact bytes instead of all of the above; text is taken as latin1. */
  readonly raw?: string | Buffer;
  /** Closes the connection after the answer. Default: as the request asks. */
  readonly close?: boolean;
}

const bodiless = new Set([204, 304]);

/** The bytes of an answer to a request with `method`. */
export function formatAnswer(answer: Answer, method: string): Buffer {
  if (answer.raw !== undefined) {
    return typeof answer.raw === 'string' ? Buffer.from(answer.raw, 'latin1') : answer.raw;
  }
  const { status = 200, reason = 'OK', version = '1.1' } = answer;
  const withBody = status >= 200 && !bodiless.has(status);
  const content = Buffer.from(answer.body ?? (withBody ? 'ok\n' : ''));
  const headers = headerLines(answer.headers ?? { 'Content-Type': 'text/plain' });
  const coded = headerValue(headers, 'transfer-encoding') !== undefined;
  if (withBody && !coded && headerValue(headers, 'content-length') === undefined) {
    headers.push(['Content-Length', String(content.length)]);
  }
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`HTTP/${version} ${status} ${reason}\r\n${lines}\r\n`, 'latin1');
  if (method === 'HEAD' || !withBody) return head;
  return Buffer.concat([head, coded ? chunked(content) : content]);
}
