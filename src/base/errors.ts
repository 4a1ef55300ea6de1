// The one table of everything that can go wrong at run time, and the one class that carries it.
// Retry, the status that a client sees and the log level follow from the row; callers match `code`.
// What an operator can do about each code is in `error-advice/`.

import { errorAdvice } from './error-advice/all.ts';
import type {
  ErrorAdvice,
  ErrorFacts,
  ErrorRow,
  ErrorSource,
  LogLevel,
  RetryAdvice,
} from './error-row.ts';
import { upstreamTlsErrorRows } from './upstream-tls-errors.ts';

export type {
  ErrorAdvice,
  ErrorCheck,
  ErrorExample,
  ErrorFacts,
  ErrorRow,
  ErrorSource,
  LogLevel,
  RetryAdvice,
} from './error-row.ts';

function row(
  source: ErrorSource,
  status: number,
  retry: RetryAdvice,
  level: LogLevel,
  help: string,
): ErrorFacts {
  return { source, retry, status, level, help };
}

const facts = {
  CONFIG_INVALID: row('config', 0, 'no', 'emerg', 'The configuration has errors.'),
  CONFIG_FILE_UNREADABLE: row(
    'config',
    0,
    'no',
    'emerg',
    'A file named by the configuration cannot be read.',
  ),
  CERTIFICATE_INVALID: row(
    'config',
    0,
    'no',
    'emerg',
    'A certificate, key, CA or CRL file is malformed, or a key does not match its certificate.',
  ),
  ENVIRONMENT_UNSAFE: row(
    'config',
    0,
    'no',
    'emerg',
    'The environment switches certificate verification off for the whole process.',
  ),
  LISTEN_FAILED: row('config', 0, 'no', 'emerg', 'A listening socket cannot be opened.'),
  PRIVILEGES_FAILED: row(
    'config',
    0,
    'no',
    'emerg',
    'The process cannot become the user and group of the user directive.',
  ),
  PID_FILE_FAILED: row(
    'config',
    0,
    'no',
    'error',
    'The pid file cannot be written, or names no running process.',
  ),
  SIGNAL_FAILED: row(
    'config',
    0,
    'no',
    'alert',
    'The process named by the pid file does not exist, or may not be signalled.',
  ),
  NOT_RUNNING: row(
    'config',
    0,
    'no',
    'error',
    'The proxy was asked for something that only a running one can do, or started twice.',
  ),
  UPGRADE_FAILED: row(
    'config',
    0,
    'no',
    'alert',
    'The program that was to replace this one does not serve; this one goes on.',
  ),
  WORKER_DIED: row(
    'internal',
    0,
    'no',
    'alert',
    'A worker thread ended on its own; its connections are lost and it is restarted.',
  ),
  UPSTREAM_HOST_NOT_FOUND: row(
    'config',
    0,
    'no',
    'emerg',
    'The host name of an upstream server has no address.',
  ),

  CLIENT_BAD_REQUEST: row(
    'client',
    400,
    'no',
    'info',
    'The request head is malformed or its framing ambiguous (RFC 9112).',
  ),
  CLIENT_URI_TOO_LONG: row(
    'client',
    414,
    'no',
    'info',
    'The request line does not fit one of large_client_header_buffers.',
  ),
  CLIENT_HEADER_TOO_LARGE: row(
    'client',
    431,
    'no',
    'info',
    'A header line, or the whole head, does not fit large_client_header_buffers.',
  ),
  CLIENT_BODY_TOO_LARGE: row(
    'client',
    413,
    'no',
    'error',
    'The request body is larger than client_max_body_size.',
  ),
  CLIENT_VERSION_UNSUPPORTED: row(
    'client',
    505,
    'no',
    'info',
    'The request is of an HTTP version other than 1.0 and 1.1.',
  ),
  CLIENT_NOT_IMPLEMENTED: row(
    'client',
    501,
    'no',
    'info',
    'The request uses a transfer coding other than chunked.',
  ),
  CLIENT_EXPECTATION_FAILED: row(
    'client',
    417,
    'no',
    'info',
    'The request has an Expect field with anything but 100-continue.',
  ),
  CLIENT_TIMEOUT: row(
    'client',
    408,
    'no',
    'info',
    'The client was too slow with its head or body (client_header_timeout, client_body_timeout).',
  ),
  CLIENT_ABORTED: row('client', 499, 'no', 'info', 'The client closed before the answer was sent.'),
  CLIENT_TLS_FAILED: row('client', 0, 'no', 'info', 'The TLS handshake with a client failed.'),
  CLIENT_PLAIN_HTTP_TO_TLS: row(
    'client',
    400,
    'no',
    'info',
    'A plain HTTP request was sent to a port that speaks TLS (nginx: 497).',
  ),

  UPSTREAM_NONE_LIVE: row(
    'upstream',
    502,
    'no',
    'error',
    'No server of the upstream group is available.',
  ),
  UPSTREAM_CONNECT_FAILED: row(
    'upstream',
    502,
    'yes',
    'error',
    'The connection to an upstream server could not be opened.',
  ),
  UPSTREAM_CONNECT_TIMEOUT: row(
    'upstream',
    504,
    'yes',
    'error',
    'An upstream server did not accept the connection, or finish the TLS handshake, in ' +
      'proxy_connect_timeout.',
  ),
  UPSTREAM_SEND_TIMEOUT: row(
    'upstream',
    504,
    'yes',
    'error',
    'An upstream server did not take the request in proxy_send_timeout.',
  ),
  UPSTREAM_READ_TIMEOUT: row(
    'upstream',
    504,
    'yes',
    'error',
    'An upstream server sent nothing for proxy_read_timeout.',
  ),
  UPSTREAM_CLOSED_EARLY: row(
    'upstream',
    502,
    'yes',
    'error',
    'An upstream server closed the connection before its response was complete.',
  ),
  UPSTREAM_RESET: row('upstream', 502, 'yes', 'error', 'An upstream server reset the connection.'),
  UPSTREAM_INVALID_RESPONSE: row(
    'upstream',
    502,
    'yes',
    'error',
    'An upstream response is malformed or its framing ambiguous (RFC 9112).',
  ),
  UPSTREAM_HEADER_TOO_LARGE: row(
    'upstream',
    502,
    'yes',
    'error',
    'An upstream response head does not fit proxy_buffer_size.',
  ),
  ...upstreamTlsErrorRows,
  RESOURCES_EXHAUSTED: row(
    'internal',
    500,
    'no',
    'alert',
    'No connection, file descriptor or memory of the system is left to reach an upstream server.',
  ),
  INTERNAL: row('internal', 500, 'no', 'crit', 'A defect in the proxy itself.'),
} as const satisfies Record<string, ErrorFacts>;

/** A stable error code: match on this, never on the message. */
export type ErrorCode = keyof typeof facts;

// The type of `advice` is what makes the compiler demand advice for a code that is added.
function withAdvice(advice: Readonly<Record<ErrorCode, ErrorAdvice>>): Record<ErrorCode, ErrorRow> {
  const codes = Object.keys(facts) as ErrorCode[];
  return Object.fromEntries(
    codes.map((code) => [code, { ...facts[code], ...advice[code] }]),
  ) as Record<ErrorCode, ErrorRow>;
}

/** Every error code. A code, once published, keeps its meaning. */
export const errorRows: Readonly<Record<ErrorCode, ErrorRow>> = withAdvice(errorAdvice);

/** The error of everything in this package. Its row gives source, retry advice and status. */
export class SallyportError extends Error {
  readonly code: ErrorCode;

  /**
   * @param code - a key of the error table
   * @param message - what happened, in one sentence, for the operator (never sent to a client)
   * @param cause - the underlying error
   */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SallyportError';
    this.code = code;
  }

  get source(): ErrorSource {
    return errorRows[this.code].source;
  }

  get retry(): RetryAdvice {
    return errorRows[this.code].retry;
  }

  /** The status for the client, 0 where there is none. */
  get status(): number {
    return errorRows[this.code].status;
  }

  get level(): LogLevel {
    return errorRows[this.code].level;
  }
}
