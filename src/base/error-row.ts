// What a row of the table of errors says: the facts that the program acts on, and the advice that
// the reference page of the code is made from.

/** Who caused an error: the client, the upstream server, this proxy, or its configuration. */
export type ErrorSource = 'client' | 'upstream' | 'internal' | 'config';

/**
 * May the same request be sent to another (or the same) server? `if-reused`: only when the
 * connection came from the pool, where a close may have crossed with the request. `if-resumed`:
 * always, to the same server with a full handshake, because nothing was sent.
 */
export type RetryAdvice = 'no' | 'yes' | 'if-reused' | 'if-resumed';

/** nginx's error log levels, most severe first. */
export type LogLevel = 'emerg' | 'alert' | 'crit' | 'error' | 'warn' | 'notice' | 'info' | 'debug';

/** What the program knows of one kind of error. */
export interface ErrorFacts {
  readonly source: ErrorSource;
  readonly retry: RetryAdvice;
  /** Status for the client; 0 where no answer is possible or none is due. */
  readonly status: number;
  readonly level: LogLevel;
  /** What happened, for the reference page. */
  readonly help: string;
}

/** One step of finding the cause. */
export interface ErrorCheck {
  /** What the command shows, and what to look for. */
  readonly look: string;
  /** Lines for a shell, with `$ADDRESS` and the like for what the log line says. */
  readonly run: string;
}

/** A piece of configuration that a test parses. */
export interface ErrorExample {
  /** The context whose content `text` is. */
  readonly context: 'main' | 'http' | 'server';
  readonly text: string;
}

/** What an operator can do about one kind of error, for its reference page. */
export interface ErrorAdvice {
  /** Likely causes, the most likely first. */
  readonly causes: readonly string[];
  /** How to find out which of them it is. */
  readonly checks: readonly ErrorCheck[];
  /** What mends it, in the order of the causes as far as possible. */
  readonly mend: readonly string[];
  /** What looks like a way out and is none. */
  readonly never: readonly string[];
  readonly example: ErrorExample | null;
}

/** One kind of error. */
export interface ErrorRow extends ErrorFacts, ErrorAdvice {}
