// Is what a client saw what the form's row says? Whole answers to the byte, error pages with nothing
// of the inside, and cuts that no client can take for an end.

import assert from 'node:assert/strict';
import { framingOf, headerValues, readBody, readHead } from '../../kit/message.ts';
import type { RawResponse } from '../../kit/raw-client.ts';
import type { Form, Outcome } from './response-form.ts';

/** What a client saw. */
export interface Observed {
  /** Null: no complete answer. */
  readonly answer: RawResponse | null;
  /** Every byte up to then. */
  readonly all: Buffer;
  /** What came behind the answer to the next request. */
  readonly rest: string;
  readonly target: string;
}

/** The built-in pages by status, as `return` gives them. */
export type Pages = Readonly<Record<string, Buffer>>;

export function checkOutcome(form: Form, observed: Observed, pages: Pages): void {
  const text = observed.all.toString('latin1');
  assert.ok(!/evil|inside/i.test(text), `something leaked: ${text}`);
  assert.equal(observed.rest, '', 'nothing follows');
  const { outcome } = form;
  if (outcome.kind === 'cut') checkCut(observed);
  else if (outcome.kind === 'passed' && outcome.body !== null) checkPassed(outcome, observed);
  else checkPage(observed, pages[outcome.status]);
}

// Byte for byte the page of a proxy that has no upstream server.
function checkPage({ answer }: Observed, page: Buffer | undefined): void {
  assert.ok(answer !== null && page !== undefined, 'an error page came');
  assert.equal(withoutTimes(answer.raw), withoutTimes(page));
}

function withoutTimes(raw: Buffer): string {
  return raw.toString('latin1').replace(/^(?:date|connection): .*\r\n/gim, '');
}

function checkCut({ answer, all }: Observed): void {
  assert.equal(answer, null, `a cut answer looks whole: ${all.toString('latin1')}`);
  const head = readHead(all);
  assert.ok(head !== null, `an answer began: ${all.toString('latin1')}`);
  assert.match(head.startLine, /^HTTP\/1\.1 200 /);
  const framing = framingOf(head.headers, { kind: 'close' });
  if (framing.kind === 'close') return;
  assert.ok('atLeast' in readBody(all, head.raw.length, framing, true), 'no end of the body');
}

function checkPassed(outcome: Outcome & { kind: 'passed' }, { answer, all }: Observed): void {
  assert.ok(answer !== null, `the answer is cut: ${all.toString('latin1')}`);
  const { status, body, fields, trailers } = outcome;
  assert.equal(answer.status, status);
  assert.equal(answer.body.toString('latin1'), body);
  for (const [name, value] of fields) {
    assert.deepEqual(headerValues(answer.headers, name), value === '' ? [] : [value], name);
  }
  if (answer.framing === 'chunked' && trailers !== null) {
    assert.deepEqual(answer.trailers, trailers);
  }
  const framed = ['content-length', 'transfer-encoding'].flatMap((name) =>
    headerValues(answer.headers, name),
  );
  assert.ok(framed.length <= 1, 'one framing for the client');
}
