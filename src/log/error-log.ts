// The error log: nginx's line form, several targets each with its own level. Messages carry parts
// of requests and certificates, so control characters are escaped: nobody outside writes a line.

import { hexEscape } from '../base/character-escape.ts';
import type { LogLevel } from '../base/errors.ts';
import { now } from '../base/clock.ts';

/** Severity as a number: the smaller, the more severe. */
const severity: Readonly<Record<LogLevel, number>> = {
  emerg: 1,
  alert: 2,
  crit: 3,
  error: 4,
  warn: 5,
  notice: 6,
  info: 7,
  debug: 8,
};

/** From here on upwards a line is on the disk before the call returns. */
const promptSeverity = severity.crit;

/** A certificate may present hundreds of names; a line stays readable. */
const messageLimit = 4096;

/** Where lines go. `flush`, where there is one, writes what `write` gathered. */
export interface ErrorLogSink {
  /** @param text - one line with its newline */
  write(text: string, level: LogLevel): void;
  flush?(): void;
}

/** One `error_log`. */
export interface ErrorLogTarget {
  /** The least severe level that is still written. */
  readonly level: LogLevel;
  readonly sink: ErrorLogSink;
}

/** Who writes: shown as `pid#tid`. */
export interface LogIdentity {
  readonly pid: number;
  readonly tid: number;
}

/** The error log of one thread. */
export class ErrorLog {
  readonly #targets: readonly ErrorLogTarget[];
  readonly #identity: string;
  readonly #threshold: number;
  #flushing = false;

  /**
   * @param targets - each line goes to every target whose level admits it
   * @param identity - the process and thread that the lines name
   */
  constructor(targets: readonly ErrorLogTarget[], identity: LogIdentity) {
    this.#targets = targets;
    this.#identity = `${identity.pid}#${identity.tid}`;
    this.#threshold = Math.max(0, ...targets.map((target) => severity[target.level]));
  }

  /** Would a line of this level be written anywhere? Ask before composing a costly message. */
  enabled(level: LogLevel): boolean {
    return severity[level] <= this.#threshold;
  }

  /**
   * Writes one line.
   *
   * @param message - one sentence; control characters are escaped, overlong text is cut
   * @param connection - serial number of the client connection, shown as `*N`
   */
  log(level: LogLevel, message: string, connection?: number): void {
    const rank = severity[level];
    if (rank > this.#threshold) return;
    const serial = connection === undefined ? '' : `*${connection} `;
    const text = sanitizeLogText(message);
    const line = `${formatLogTime(now())} [${level}] ${this.#identity}: ${serial}${text}\n`;
    for (const target of this.#targets) {
      if (rank <= severity[target.level]) target.sink.write(line, level);
    }
    if (rank <= promptSeverity) this.flush();
    else this.#flushSoon();
  }

  /** Writes all that the sinks have gathered. */
  flush(): void {
    for (const target of this.#targets) target.sink.flush?.();
  }

  // Under a flood of errors one write for each turn of the event loop is enough.
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.flush();
    });
  }
}

// C0 and C1 controls and DEL: newlines forge lines, ESC and CSI talk to the terminal of the reader.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const unsafeAll = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : hexEscape(character);
}

/** Escapes control characters as `\xNN` and cuts text beyond 4096 characters. */
export function sanitizeLogText(text: string): string {
  const short = text.length > messageLimit ? `${text.slice(0, messageLimit)}...` : text;
  return unsafe.test(short) ? short.replace(unsafeAll, escapeCharacter) : short;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** @param time - milliseconds since the epoch; gives `YYYY/MM/DD HH:MM:SS` in local time */
export function formatLogTime(time: number): string {
  const date = new Date(time);
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
