// `return`: ends the rewrite phase with a status, a text or a redirect.

import type { Argument } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { constantTemplate } from '../exchange/template.ts';
import { HANDLED, type Handler } from '../exchange/handler.ts';
import { isRedirect, redirect } from '../server/phases.ts';
import type { BuildContext } from './build-context.ts';
import { inRewrite } from './contexts.ts';
import { mimeTypeOf } from './mime-types.ts';
import { checkWithoutValidators } from './preconditions.ts';

/** A `return` line. */
export interface Return {
  readonly status: number;
  readonly text: Argument | null;
}

const value: ValueType<Return> = {
  expects: 'a status and a text or URL, or a URL',
  parse(node, help) {
    const [first, second] = node.args;
    if (first === undefined) return null;
    if (/^\d+$/.test(first.text)) {
      const status = Number(first.text);
      if (status > 999) {
        help.error(first.at, `invalid return code "${first.text}"`, 'a status from 0 to 999');
        return null;
      }
      return { status, text: second ?? null };
    }
    if (second === undefined && /^(https?:\/\/|\$scheme)/.test(first.text)) {
      return { status: 302, text: first };
    }
    help.error(
      first.at,
      `invalid return code "${first.text}"`,
      'return STATUS [TEXT] or return URL',
    );
    return null;
  },
};

export const returnDirective = listDirective<Return>({
  name: 'return',
  contexts: inRewrite,
  args: { min: 1, max: 2 },
  value,
  inherits: false,
  help:
    'Answers with a status: with a text as the body, or for 301, 302, 303, 307 and 308 with a URL. ' +
    '444 closes the connection without an answer.',
  differs: '408 is answered; nginx closes the connection without a word',
  example: 'return 301 https://$host$request_uri;',
});

/** What a `return` does: a step of the rewrite phase. */
export function returnHandler(rule: Return, scope: Scope, context: BuildContext): Handler {
  const { status } = rule;
  const template = rule.text === null ? constantTemplate('', '') : context.template(rule.text);
  if (isRedirect(status)) {
    return (x) => {
      redirect(x, status, template.evaluate(x));
      return HANDLED;
    };
  }
  if (status >= 400 && template.constant === '') return errorHandler(status);
  const type = mimeTypeOf(scope);
  const fixed = template.constant === null ? null : Buffer.from(template.constant, 'latin1');
  return (x) => {
    x.status = x.fixedStatus === 0 ? status : x.fixedStatus;
    const condition = x.status === 200 ? checkWithoutValidators(x) : 0;
    if (condition === 412) return 412;
    if (condition === 304) return sendNotModified(x);
    const body = fixed ?? Buffer.from(template.evaluate(x), 'latin1');
    // X-Accel-Redirect may have brought one along.
    x.contentType ??= type(x.uri) || null;
    x.contentLength = body.length;
    x.client.sendHead(x, body, true);
    return HANDLED;
  };
}

function sendNotModified(x: Exchange): number {
  x.status = 304;
  x.client.sendHead(x, null, true);
  return HANDLED;
}

function errorHandler(status: number): Handler {
  if (status !== 444 && status !== 499) return () => status;
  return (x) => {
    x.status = status;
    x.client.abortBody(x);
    return HANDLED;
  };
}
