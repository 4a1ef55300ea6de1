// Takes out of an answer or a recorded request what differs between two proxies for reasons that
// no test is about: dates, the product's name, the ports and folders that each side was given.

import type { HeaderLines } from './message.ts';
import type { RawResponse } from './raw-client.ts';
import type { RecordedRequest } from './request-reader.ts';

/** What is left out of the comparison. Names are lower case. */
export interface Ignored {
  /** Headers of answers. Default: `date`, `server`. */
  readonly answerHeaders?: readonly string[];
  /** Headers of requests to the upstream. Default: none. */
  readonly upstreamHeaders?: readonly string[];
  /** The HTTP version of requests to the upstream. Default false. */
  readonly upstreamVersion?: boolean;
  /** The status's reason phrase. Default false. */
  readonly reason?: boolean;
  /** The body of answers with a status of 300 and more: the texts of error pages. Default false. */
  readonly errorPages?: boolean;
  /** Whether a body is chunked, of given length or ended by the close. Default false. */
  readonly framing?: boolean;
  /** How many connections to the upstream were used. Default true: pools differ. */
  readonly connections?: boolean;
}

/** An answer that two proxies can agree on. */
export interface NormalAnswer {
  readonly statusLine: string;
  /** Lower-case names, sorted; values of one name in the order in which they came. */
  readonly headers: HeaderLines;
  readonly body: string;
  readonly trailers: HeaderLines;
  readonly framing: string;
}

/** A request to the upstream that two proxies can agree on. */
export interface NormalRequest {
  readonly requestLine: string;
  readonly headers: HeaderLines;
  readonly body: string;
  readonly trailers: HeaderLines;
  readonly framing: string;
  readonly complete: boolean;
  readonly connection: number;
  readonly serverName: string | null;
  readonly clientName: string | null;
}

/** What stands for what: a port or folder of one side, and the name that both sides share. */
export type Replacements = readonly (readonly [from: string, to: string])[];

export function normaliseAnswer(
  answer: RawResponse,
  replacements: Replacements,
  ignored: Ignored = {},
): NormalAnswer {
  const { answerHeaders = ['date', 'server'] } = ignored;
  const pageIgnored = ignored.errorPages === true && answer.status >= 300;
  const original = answer.body.toString('latin1');
  const body = pageIgnored ? '' : signatureOut(replaced(original, replacements));
  const drop = new Set(answerHeaders);
  if (ignored.framing === true) drop.add('transfer-encoding').add('content-length');
  if (pageIgnored) drop.add('content-length');
  const headers = normaliseHeaders(answer.headers, replacements, drop).map(([name, value]) => {
    // The length of a text that was changed above says nothing; a length that was wrong stays.
    const right = name === 'content-length' && Number(value) === original.length;
    return [name, right ? 'of the body' : value] as const;
  });
  return {
    statusLine: ignored.reason === true ? `${answer.version} ${answer.status}` : answer.statusLine,
    headers,
    body,
    trailers: normaliseHeaders(answer.trailers, replacements, drop),
    framing: ignored.framing === true ? '' : answer.framing,
  };
}

export function normaliseRequest(
  request: RecordedRequest,
  replacements: Replacements,
  ignored: Ignored = {},
): NormalRequest {
  const drop = new Set(ignored.upstreamHeaders ?? []);
  const { method, target, version } = request;
  const line = ignored.upstreamVersion === true ? [method, target] : [method, target, version];
  return {
    requestLine: replaced(line.join(' '), replacements),
    headers: normaliseHeaders(request.headers, replacements, drop),
    body: replaced(request.body.toString('latin1'), replacements),
    trailers: normaliseHeaders(request.trailers, replacements, drop),
    framing: request.framing,
    complete: request.complete,
    connection: ignored.connections === false ? request.connection : 0,
    serverName: request.tls?.serverName ?? null,
    clientName: request.tls?.clientName ?? null,
  };
}

function normaliseHeaders(
  headers: HeaderLines,
  replacements: Replacements,
  drop: ReadonlySet<string>,
): HeaderLines {
  return headers
    .map(([name, value]) => [name.toLowerCase(), replaced(value, replacements)] as const)
    .filter(([name]) => !drop.has(name))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function replaced(text: string, replacements: Replacements): string {
  return replacements.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

// The line under an error page names the product, with or without its version.
function signatureOut(body: string): string {
  return body.replace(/<center>(?:nginx|sallyport)[^<]*<\/center>/gi, '<center>proxy</center>');
}
