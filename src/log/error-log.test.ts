// The form of error log lines, and that nobody outside can write one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLevel } from '../base/errors.ts';
import { ErrorLog, formatLogTime, sanitizeLogText, type ErrorLogTarget } from './error-log.ts';

class Sink {
  text = '';
  flushes = 0;

  write(text: string): void {
    this.text += text;
  }

  flush(): void {
    this.flushes += 1;
  }
}

function logTo(...targets: ErrorLogTarget[]): ErrorLog {
  return new ErrorLog(targets, { pid: 42, tid: 7 });
}

test('a line has the form of nginx', () => {
  const sink = new Sink();
  const log = logTo({ level: 'error', sink });
  log.log('error', 'connect() failed (111: Connection refused)', 15);
  log.log('crit', 'no memory');
  const [first, second] = sink.text.split('\n');
  const stamp = String.raw`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `;
  assert.match(
    first ?? '',
    new RegExp(
      String.raw`${stamp}\[error\] 42#7: \*15 connect\(\) failed \(111: Connection refused\)$`,
    ),
  );
  assert.match(second ?? '', new RegExp(String.raw`${stamp}\[crit\] 42#7: no memory$`));
});

test('the time is local and padded', () => {
  assert.equal(formatLogTime(new Date(2026, 0, 2, 3, 4, 5).getTime()), '2026/01/02 03:04:05');
});

test('each target gets the lines of its level and of more severe ones', () => {
  const levels: LogLevel[] = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
  const sinks = levels.map(() => new Sink());
  const log = logTo(...sinks.map((sink, index) => ({ level: levels[index] ?? 'debug', sink })));
  for (const level of levels) log.log(level, level);
  sinks.forEach((sink, index) => {
    const written = sink.text
      .trimEnd()
      .split('\n')
      .map((line) => /\[(\w+)\]/.exec(line)?.[1]);
    assert.deepEqual(written, levels.slice(0, index + 1));
  });
});

test('enabled tells whether any target admits the level', () => {
  const log = logTo({ level: 'crit', sink: new Sink() }, { level: 'warn', sink: new Sink() });
  assert.equal(log.enabled('warn'), true);
  assert.equal(log.enabled('notice'), false);
  assert.equal(logTo().enabled('emerg'), false);
});

test('control characters are escaped, so that a message stays one line', () => {
  const hostile = 'GET /\r\n2026/01/01 00:00:00 [emerg] forged\u001b[2J\u0000\u007f\u009b\u2028';
  const sink = new Sink();
  logTo({ level: 'info', sink }).log('info', hostile);
  assert.equal(sink.text.split('\n').length, 2);
  assert.ok(
    sink.text.endsWith(
      String.raw`GET /\x0D\x0A2026/01/01 00:00:00 [emerg] forged\x1B[2J\x00\x7F\x9B\u2028` + '\n',
    ),
  );
  assert.equal(sanitizeLogText('plain caf\u00e9 text'), 'plain caf\u00e9 text');
});

test('an overlong message is cut', () => {
  const text = sanitizeLogText('x'.repeat(100_000));
  assert.equal(text.length, 4099);
  assert.ok(text.endsWith('x...'));
});

test('severe lines are flushed at once, others within the turn of the event loop', async () => {
  const sink = new Sink();
  const log = logTo({ level: 'info', sink });
  log.log('error', 'one');
  log.log('error', 'two');
  assert.equal(sink.flushes, 0);
  await new Promise(setImmediate);
  assert.equal(sink.flushes, 1);
  log.log('crit', 'three');
  assert.equal(sink.flushes, 2);
});
