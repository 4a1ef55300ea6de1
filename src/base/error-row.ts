// What a row of the table of errors says.

/** Who caused an error: the client, the upstream server, this proxy, or its configuration. */
export type ErrorSource = 'client' | 'upstream' | 'internal' | 'config';

/**
 * May the same request be sent to another (or the same) server? `if-reused`: only when the
 * connection came from the pool, where a close may have crossed with the request.
 */
export type RetryAdvice = 'no' | 'yes' | 'if-reused';

/** nginx's error log levels, most severe first. */
export type LogLevel = 'emerg' | 'alert' | 'crit' | 'error' | 'warn' | 'notice' | 'info' | 'debug';

/** One kind of error. */
export interface ErrorRow {
  readonly source: ErrorSource;
  readonly retry: RetryAdvice;
  /** Status for the client; 0 where no answer is possible or none is due. */
  readonly status: number;
  readonly level: LogLevel;
  /** What happened, for the reference page. */
  readonly help: string;
}
