// One thing that an upstream server does wrongly, or oddly: a row of the tables in `../responses/`. The
// tests play each row over real sockets (response-lab.ts), and docs/framing-responses.md lists them.

import type { HeaderLines } from '../../kit/message.ts';

/** Waits of a script: for the client's first byte, and for the connection to be closed. */
export const seen = { kind: 'seen' } as const;
/** The end of the stream; what comes from the other side is still read. */
export const fin = { kind: 'fin' } as const;
export const reset = { kind: 'reset' } as const;
/** The end of the TCP stream without the end of the TLS stream (close_notify). */
export const bareFin = { kind: 'bare fin' } as const;
/** A new handshake on the same connection, which TLS 1.2 has. */
export const renegotiate = { kind: 'renegotiate' } as const;

/** Bytes in one write (text is latin1), or what else the server does. */
export type Step =
  | string
  | typeof seen
  | typeof fin
  | typeof reset
  | typeof bareFin
  | typeof renegotiate
  | { readonly kind: 'under TLS'; readonly bytes: string }
  | { readonly kind: 'drip'; readonly bytes: string }
  | { readonly kind: 'flood'; readonly bytes: string };

/** Byte by byte. */
export function drip(bytes: string): Step {
  return { kind: 'drip', bytes };
}

/** Bytes on the TCP connection, past the encryption. */
export function underTls(bytes: string): Step {
  return { kind: 'under TLS', bytes };
}

/** Again and again, until the proxy has closed the connection. */
export function flood(bytes: string): Step {
  return { kind: 'flood', bytes };
}

/** Where in the configuration the request goes; see the lab. */
export type Place = 'usual' | 'quick' | 'small' | 'upgrade' | 'hints' | 'deaf' | 'unresumed';

/** What the client must see. */
export type Outcome =
  | {
      /** The built-in page of this status, with nothing of what the server said. */
      readonly kind: 'refused';
      readonly status: 502 | 504;
      readonly code: string;
    }
  | {
      /** The beginning of the answer, and then, in a way that every client sees, no end of it. */
      readonly kind: 'cut';
      readonly code: string;
    }
  | {
      readonly kind: 'passed';
      readonly status: number;
      /** Null: the built-in page of the status. */
      readonly body: string | null;
      /** What must be among the fields. */
      readonly fields: HeaderLines;
      readonly trailers: HeaderLines | null;
      /** Is the connection used for the next request? */
      readonly connection: 'kept' | 'closed';
      /** A word of the log line there must be; null: none at warn or above. */
      readonly logged: string | null;
    };

export interface Form {
  /** As it stands in the page; unique. */
  readonly name: string;
  /** Which paragraph asks for what is done. */
  readonly rfc: string;
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  readonly method: string;
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
  /** For the page, behind what is done. */
  readonly note: string;
}

type Asked = Partial<Pick<Form, 'method' | 'place' | 'headers' | 'note'>>;

function form(
  name: string,
  rfc: string,
  played: { readonly steps: readonly Step[]; readonly outcome: Outcome } & Asked,
): Form {
  return { name, rfc, method: 'GET', place: 'usual', headers: {}, note: '', ...played };
}

interface Failing extends Asked {
  /** Default UPSTREAM_INVALID_RESPONSE. */
  readonly code?: string;
  /** Default 502. */
  readonly status?: 502 | 504;
}

/** A form that is answered with an error page. */
export function refused(
  name: string,
  rfc: string,
  steps: readonly Step[],
  { code = 'UPSTREAM_INVALID_RESPONSE', status = 502, ...asked }: Failing = {},
): Form {
  return form(name, rfc, { steps, outcome: { kind: 'refused', status, code }, ...asked });
}

/** A form that is found out after the answer has begun. */
export function cut(
  name: string,
  rfc: string,
  steps: readonly Step[],
  { code = 'UPSTREAM_INVALID_RESPONSE', ...asked }: Omit<Failing, 'status'> = {},
): Form {
  return form(name, rfc, { steps, outcome: { kind: 'cut', code }, ...asked });
}

interface Passing extends Asked {
  readonly status?: number;
  readonly body?: string | null;
  readonly fields?: HeaderLines;
  readonly trailers?: HeaderLines;
  readonly connection?: 'kept' | 'closed';
  readonly logged?: string;
}

/** A form that does no harm, or whose harm is kept away. Default: 200 with "ok". */
export function passed(
  name: string,
  rfc: string,
  steps: readonly Step[],
  { status = 200, body = 'ok', fields = [], connection = 'kept', ...rest }: Passing = {},
): Form {
  const { trailers = null, logged = null, ...asked } = rest;
  const outcome: Outcome = { kind: 'passed', status, body, fields, trailers, connection, logged };
  return form(name, rfc, { steps, outcome, ...asked });
}
