// A form of request: what is sent, and what must come of it. The rows in ../requests are made of
// these; the tests send them, and docs/framing.md is written from them.

/** Which server of the proxy under test gets it (see `request-proxy.ts`). */
export type Door =
  'plain' | 'upgrades' | 'tunnels' | 'identity' | 'underscores' | 'all names' | 'small';

/** The lines that a door's `proxy_set_header` writes before `Host: backend`. */
export const doorFields: Readonly<Record<Door, string>> = {
  plain: '',
  upgrades: 'Connection: upgrade\r\n',
  identity:
    'X-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\n' +
    'X-Verified-By: sallyport\r\nForwarded: for=127.0.0.1\r\n',
  tunnels: '',
  underscores: '',
  'all names': '',
  small: '',
};

interface Form {
  /** Markdown on one line, for the table and as the name of the test. */
  readonly name: string;
  /** The bytes, one character each; several spellings that must all come to the same. */
  readonly bytes: string | readonly string[];
  /** The paragraphs that ask for it: "9112 6.3". "–" where none does. */
  readonly rfc: string;
  /** Why, or what is special. Markdown, for the table. */
  readonly note?: string;
  /** Default `plain`. */
  readonly door?: Door;
}

/** Answered with an error; the connection ends, and no byte of it goes upstream. */
export interface RefusedForm extends Form {
  readonly status: number;
  /** Nothing is sent behind it: it is refused although it is not complete. */
  readonly open?: true;
}

/** Passed on as one request, written anew. */
export interface AcceptedForm extends Form {
  /** All bytes that the upstream gets, for each spelling. */
  readonly arrives: string;
  /** The connection ends after the answer. Default: what follows is the next request. */
  readonly closes?: true;
}

export type RequestForm = RefusedForm | AcceptedForm;

/** A section of the document. */
export interface FormTable {
  readonly title: string;
  /** Markdown before the table. */
  readonly intro: string;
  readonly forms: readonly RequestForm[];
}

/** What becomes of a form: its status, or `passed`. */
export function outcomeOf(form: RequestForm): string {
  return 'status' in form ? String(form.status) : 'passed';
}

/** The spellings of a form. */
export function spellings({ bytes }: RequestForm): readonly string[] {
  return typeof bytes === 'string' ? [bytes] : bytes;
}

/** A GET of HTTP/1.1 with Host and the field lines given. */
export function get(...lines: readonly string[]): string {
  return ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
}

/** A POST of HTTP/1.1 with Host and the field lines given, and then `body` as it is. */
export function post(lines: readonly string[], body = ''): string {
  return ['POST / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n') + body;
}

/** A POST with a chunked body of these bytes. */
export function chunkedPost(body: string): string {
  return post(['Transfer-Encoding: chunked'], body);
}

/** A GET of HTTP/1.1 with this request line and a Host. */
export function withLine(requestLine: string): string {
  return `${requestLine}\r\nHost: x\r\n\r\n`;
}

/** What the upstream gets for "GET /" with these fields. */
export function arrivesGet(...lines: readonly string[]): string {
  return ['GET / HTTP/1.1', 'Host: backend', ...lines, '', ''].join('\r\n');
}

/** What the upstream gets for "POST /" with this body and these fields. */
export function arrivesPost(body: string, ...lines: readonly string[]): string {
  const length = `Content-Length: ${body.length}`;
  return ['POST / HTTP/1.1', 'Host: backend', length, ...lines, '', ''].join('\r\n') + body;
}

/** Were it read as a request, the upstream would show it. 38 bytes. */
export const smuggled: string = 'GET /smuggled HTTP/1.1\r\nHost: sm.x\r\n\r\n';
