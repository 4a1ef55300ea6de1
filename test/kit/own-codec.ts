// Reads a connection with the project's own codec, as the client's side and the upstream's side do,
// but without sockets: for comparisons and fuzzing. The bytes may come in any pieces.

import { Framing, responseFraming } from '../../src/http1/framing.ts';
import {
  HeadResult,
  parseRequestHead,
  RequestHead,
  type RequestHeadLimits,
} from '../../src/http1/request-head.ts';
import { ResponseBody } from '../../src/http1/response-body.ts';
import { parseResponseHead, ResponseHead } from '../../src/http1/response-head.ts';
import type { Fields } from '../../src/http1/fields.ts';
import { RequestBodyReader } from '../../src/server/request-body.ts';
import type { HeaderLines } from './message.ts';
import type { Understood, UnderstoodMessage } from './understood.ts';

/** nginx's defaults, but for names: what is left out of a request cannot be compared. */
export const usualLimits: RequestHeadLimits = {
  lineBytes: 8192,
  totalBytes: 32_768,
  maxFields: 1000,
  underscores: true,
  ignoreInvalid: false,
};

function linesOf(fields: Fields): HeaderLines {
  return fields.names.map((name, i) => [name.toLowerCase(), fields.values[i] ?? ''] as const);
}

/** Called with each head that was read, before the next is: the object is used again. */
export type OnHead<Head> = (head: Head) => void;

/** Reads the requests of one connection. */
export function readRequests(
  pieces: readonly Buffer[],
  limits: RequestHeadLimits = usualLimits,
  onHead: OnHead<RequestHead> = () => undefined,
): Understood {
  const result: Understood = { messages: [], refused: null };
  const head = new RequestHead();
  const body = new RequestBodyReader();
  let input: Buffer = Buffer.alloc(0);
  let taken = 0;
  let current: UnderstoodMessage | null = null;
  const take = (count: number): void => {
    taken += count;
    input = input.subarray(count);
  };
  const readHead = (): boolean => {
    const end = parseRequestHead(input, 0, input.length, head, limits);
    if (end === HeadResult.incomplete) return false;
    if (end < 0) {
      result.refused = head.error;
      return false;
    }
    onHead(head);
    take(end);
    const version = head.version === 10 ? '1.0' : '1.1';
    const start = `${head.method} ${head.target} ${version}`;
    current = { start, fields: linesOf(head.fields), body: '', end: -1 };
    result.messages.push(current);
    body.begin(head.chunked ? -1 : Math.max(head.contentLength, 0), 0);
    return true;
  };
  const readBody = (message: UnderstoodMessage): boolean => {
    const sink = {
      onBodyData: (chunk: Buffer): void => void (message.body += chunk.toString('latin1')),
      onBodyEnd: (): void => undefined,
      onBodyFailed: (): void => undefined,
    };
    if (!body.ended) take(body.feed(input, 0, sink));
    if (body.failed !== 0) result.refused = body.error;
    if (!body.ended) return false;
    message.end = taken;
    current = null;
    return input.length > 0;
  };
  for (const piece of pieces) {
    if (result.refused !== null) break;
    input = Buffer.concat([input, piece]);
    for (let more = true; more;) more = current === null ? readHead() : readBody(current);
  }
  return result;
}

/**
 * Reads the response to one request, interim ones included; what follows it is not read.
 *
 * @param ended - is the end of the pieces the end of the connection?
 */
export function readResponse(
  pieces: readonly Buffer[],
  { method, ended }: { readonly method: string; readonly ended: boolean },
  onHead: OnHead<ResponseHead> = () => undefined,
): Understood & { readonly excess: boolean } {
  const result = { messages: [] as UnderstoodMessage[], refused: null as string | null };
  const head = new ResponseHead();
  const body = new ResponseBody();
  let input: Buffer = Buffer.alloc(0);
  let taken = 0;
  let current: UnderstoodMessage | null = null;
  let isOver = false;
  let excess = false;
  const readHead = (): boolean => {
    const end = parseResponseHead(input, 0, input.length, head, 65_536);
    if (end === HeadResult.incomplete) return false;
    if (end < 0) {
      result.refused = head.error;
      return false;
    }
    onHead(head);
    taken += end;
    input = input.subarray(end);
    const version = head.version === 10 ? '1.0' : '1.1';
    const start = `${version} ${head.status} ${head.reason}`;
    const message = { start, fields: linesOf(head.fields), body: '', end: -1 };
    result.messages.push(message);
    if (head.status < 200 && head.status !== 101) {
      message.end = taken;
      return input.length > 0;
    }
    body.begin(responseFraming(head, method), head.contentLength);
    if (responseFraming(head, method) === Framing.none || body.complete) over(message);
    else current = message;
    return input.length > 0;
  };
  const over = (message: UnderstoodMessage): void => {
    message.end = taken;
    isOver = true;
    current = null;
  };
  const readBody = (message: UnderstoodMessage): boolean => {
    body.feed(input, 0, input.length);
    let last = 0;
    for (let i = 0; i < body.count; i += 1) {
      last = body.ends[i] ?? 0;
      message.body += input.toString('latin1', body.starts[i], last);
    }
    if (body.error !== null) result.refused = body.error;
    if (body.excess) excess = true;
    taken += input.length;
    input = Buffer.alloc(0);
    if (body.complete) over(message);
    return false;
  };
  for (const piece of pieces) {
    if (result.refused !== null) break;
    if (isOver) {
      excess ||= piece.length > 0;
      continue;
    }
    input = Buffer.concat([input, piece]);
    let more: boolean = input.length > 0;
    while (more && !isOver) more = current === null ? readHead() : readBody(current);
    if (isOver && input.length > 0) excess = true;
  }
  // The only body whose end is the connection's.
  const open = current as UnderstoodMessage | null;
  if (ended && open !== null && body.endsWithConnection) over(open);
  return { ...result, excess };
}
