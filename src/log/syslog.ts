// Messages for syslog in the form of RFC 3164, as nginx writes it:
//
//   <190>Nov  5 21:04:07 machine nginx: text

import { hostname } from 'node:os';
import type { Address } from '../base/address.ts';
import { now } from '../base/clock.ts';
import type { LogLevel } from '../base/errors.ts';
import type { Complaint } from './complaint.ts';
import { openDatagram, type DatagramTarget } from './datagram.ts';
import type { ErrorLogSink } from './error-log.ts';
import { LineBuffer } from './line-buffer.ts';

/** Facilities in the order of their codes. */
export const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'intern', 'lpr', 'news', 'uucp', 'clock'],
  ...['authpriv', 'ftp', 'ntp', 'audit', 'alert', 'cron', 'local0', 'local1', 'local2', 'local3'],
  ...['local4', 'local5', 'local6', 'local7'],
] as const;

/** Severities in the order of their codes. */
export const severities = [
  ...(['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const),
] satisfies readonly LogLevel[];

/** `syslog:server=…` */
export interface SyslogSettings {
  /** Its host is an IP address where messages are sent. */
  readonly server: Address;
  /** Code of the facility. */
  readonly facility: number;
  /** Code of the severity of what has none of its own. */
  readonly severity: number;
  readonly tag: string;
  readonly nohostname: boolean;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const machine = hostname().toLowerCase();

/** A longer message would be refused by the kernel, or cut on the way. */
const maxMessageBytes = 65_000;

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** @param time - milliseconds since the epoch; gives `Nov  5 21:04:07` in local time */
export function syslogTime(time: number): string {
  const date = new Date(time);
  const day = String(date.getDate()).padStart(2, ' ');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${months[date.getMonth()] ?? ''} ${day} ${clock}`;
}

/** One destination with its settings; lines of access and error logs. */
export class Syslog implements ErrorLogSink {
  readonly #settings: SyslogSettings;
  readonly #target: DatagramTarget;
  readonly #line = new LineBuffer(4096);
  #second = -1;
  #header = '';

  /** @param complaint - where lost messages are reported */
  constructor(settings: SyslogSettings, complaint: Complaint) {
    this.#settings = settings;
    this.#target = openDatagram(settings.server, complaint);
  }

  // All lines of an access log have one severity: their header is made once a second.
  #headerNow(): string {
    const second = Math.floor(now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#header = this.#headerOf(this.#settings.severity);
    }
    return this.#header;
  }

  #headerOf(severity: number): string {
    const { facility, tag, nohostname } = this.#settings;
    const host = nohostname ? '' : ` ${machine}`;
    return `<${facility * 8 + severity}>${syslogTime(now())}${host} ${tag}: `;
  }

  /** A buffer with the header in it, for a line that is written piece by piece; `end` sends it. */
  begin(): LineBuffer {
    const line = this.#line;
    line.length = 0;
    line.text(this.#headerNow());
    return line;
  }

  /** Sends what follows `begin`, without the newline at its end. */
  end(): void {
    const { bytes, length } = this.#line;
    const end = bytes[length - 1] === 0x0a ? length - 1 : length;
    this.#target.send(bytes.subarray(0, Math.min(end, maxMessageBytes)));
  }

  /** One line of an error log; its level is the severity. */
  write(text: string, level: LogLevel): void {
    const line = this.#line;
    line.length = 0;
    line.text(this.#headerOf(severities.indexOf(level)));
    line.utf8(text);
    this.end();
  }

  close(): void {
    this.#target.close();
  }
}
