// llhttp, the parser of Node.js, as `undici` ships it: WebAssembly. In its strict mode it is the
// second opinion on what a message means.

import { createRequire } from 'node:module';
import type { HeaderLines } from './message.ts';
import { isInterim, type Understood, type UnderstoodMessage } from './understood.ts';

// Node.js has it; its types come with a browser's only.
interface WebAssemblyApi {
  readonly Module: new (bytes: Buffer) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _initialize: () => void;
  readonly malloc: (bytes: number) => number;
  readonly free: (pointer: number) => void;
  readonly llhttp_alloc: (type: number) => number;
  readonly llhttp_free: (parser: number) => void;
  readonly llhttp_execute: (parser: number, data: number, length: number) => number;
  readonly llhttp_finish: (parser: number) => number;
  readonly llhttp_resume: (parser: number) => void;
  readonly llhttp_get_error_pos: (parser: number) => number;
  readonly llhttp_get_error_reason: (parser: number) => number;
  readonly llhttp_get_method: (parser: number) => number;
  readonly llhttp_get_http_major: (parser: number) => number;
  readonly llhttp_get_http_minor: (parser: number) => number;
  readonly llhttp_get_status_code: (parser: number) => number;
}

interface Constants {
  readonly ERROR: { readonly OK: number; readonly PAUSED: number; readonly PAUSED_UPGRADE: number };
  readonly TYPE: { readonly REQUEST: number; readonly RESPONSE: number };
  readonly METHODS: Readonly<Record<string, number>>;
}

const require = createRequire(import.meta.url);
const constants = require('undici/lib/llhttp/constants.js') as Constants;
const binary = require('undici/lib/llhttp/llhttp-wasm.js') as Buffer;
const methods = new Map(Object.entries(constants.METHODS).map(([name, code]) => [code, name]));

/** Where the callbacks write; one parser runs at a time. */
interface Listener {
  begin(): void;
  text(part: 'url' | 'status' | 'name' | 'value' | 'body', at: number, length: number): number;
  /** @returns 1 where there is no body */
  headersComplete(): number;
  complete(): number;
}

let listener: Listener | null = null;

type Span = (parser: number, at: number, length: number) => number;

function span(part: Parameters<Listener['text']>[0]): Span {
  return (_, at, length) => listener?.text(part, at, length) ?? 0;
}

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

const instance = new Instance(new Module(binary), {
  env: {
    wasm_on_message_begin: (): number => {
      listener?.begin();
      return 0;
    },
    wasm_on_url: span('url'),
    wasm_on_status: span('status'),
    wasm_on_header_field: span('name'),
    wasm_on_header_value: span('value'),
    wasm_on_headers_complete: () => listener?.headersComplete() ?? 0,
    wasm_on_body: span('body'),
    wasm_on_message_complete: () => listener?.complete() ?? 0,
  },
});
const wasm = instance.exports as Exports;
wasm._initialize();

/** Everything of a message as it comes. */
class Reading implements Listener {
  readonly messages: UnderstoodMessage[] = [];
  readonly #parser: number;
  readonly #method: string | null;
  #url = '';
  #status = '';
  #lines: [string, string][] = [];
  #afterName = false;

  /** @param method - of the request, where responses are read */
  constructor(parser: number, method: string | null) {
    this.#parser = parser;
    this.#method = method;
  }

  begin(): void {
    this.#url = '';
    this.#status = '';
    this.#lines = [];
    this.#afterName = false;
  }

  text(part: Parameters<Listener['text']>[0], at: number, length: number): number {
    const text = Buffer.from(wasm.memory.buffer, at, length).toString('latin1');
    const last = this.#lines.at(-1);
    if (part === 'url') this.#url += text;
    else if (part === 'status') this.#status += text;
    else if (part === 'body') this.#message.body += text;
    else if (part === 'value') {
      if (last !== undefined) last[1] += text;
      this.#afterName = false;
    } else if (this.#afterName && last !== undefined) last[0] += text;
    else {
      this.#lines.push([text, '']);
      this.#afterName = true;
    }
    return 0;
  }

  get #message(): UnderstoodMessage {
    const last = this.messages.at(-1);
    if (last === undefined) throw new Error('a body without a message');
    return last;
  }

  headersComplete(): number {
    const version = `${wasm.llhttp_get_http_major(this.#parser)}.${wasm.llhttp_get_http_minor(this.#parser)}`;
    const start =
      this.#method === null
        ? `${methods.get(wasm.llhttp_get_method(this.#parser)) ?? '?'} ${this.#url} ${version}`
        : `${version} ${wasm.llhttp_get_status_code(this.#parser)} ${this.#status}`;
    const fields: HeaderLines = this.#lines.map(
      ([name, value]) => [name.toLowerCase(), value.replace(/[ \t]+$/, '')] as const,
    );
    this.messages.push({ start, fields, body: '', end: -1 });
    this.#lines = [];
    return this.#method === 'HEAD' ? 1 : 0;
  }

  complete(): number {
    // Stops here, so that where the message ends can be told.
    return constants.ERROR.PAUSED;
  }
}

interface Way {
  readonly bytes: Buffer;
  /** Of the request, where responses are read. */
  readonly method: string | null;
  readonly ended: boolean;
  readonly isLast: (message: UnderstoodMessage) => boolean;
}

function read({ bytes, method, ended, isLast }: Way): Understood {
  const { REQUEST, RESPONSE } = constants.TYPE;
  const parser = wasm.llhttp_alloc(method === null ? REQUEST : RESPONSE);
  const memory = wasm.malloc(Math.max(1, bytes.length));
  new Uint8Array(wasm.memory.buffer, memory, bytes.length).set(bytes);
  const reading = new Reading(parser, method);
  listener = reading;
  const result: Understood = { messages: reading.messages, refused: null };
  try {
    for (let at = 0; at < bytes.length;) {
      const code = wasm.llhttp_execute(parser, memory + at, bytes.length - at);
      if (code === constants.ERROR.OK) break;
      const message = reading.messages.at(-1);
      const isEnd = code === constants.ERROR.PAUSED || code === constants.ERROR.PAUSED_UPGRADE;
      if (!isEnd || message === undefined) return { ...result, refused: reasonOf(parser) };
      at = wasm.llhttp_get_error_pos(parser) - memory;
      message.end = at;
      if (isLast(message) || code === constants.ERROR.PAUSED_UPGRADE) return result;
      wasm.llhttp_resume(parser);
    }
    const open = reading.messages.at(-1);
    if (ended && open !== undefined && open.end < 0) {
      const code = wasm.llhttp_finish(parser);
      if (code === constants.ERROR.OK || code === constants.ERROR.PAUSED) open.end = bytes.length;
    }
    return result;
  } finally {
    listener = null;
    wasm.free(memory);
    wasm.llhttp_free(parser);
  }
}

function reasonOf(parser: number): string {
  const at = wasm.llhttp_get_error_reason(parser);
  const memory = Buffer.from(wasm.memory.buffer);
  return memory.toString('latin1', at, memory.indexOf(0, at));
}

/** What llhttp understands of the first request of a connection. */
export function llhttpRequest(bytes: Buffer): Understood {
  return read({ bytes, method: null, ended: false, isLast: () => true });
}

/** What llhttp understands of a response, and of the interim ones before it. */
export function llhttpResponse(
  bytes: Buffer,
  { method, ended }: { readonly method: string; readonly ended: boolean },
): Understood {
  return read({ bytes, method, ended, isLast: ({ start }) => !isInterim(start) });
}
