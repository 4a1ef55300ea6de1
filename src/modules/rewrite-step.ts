// One `rewrite` line: the path is matched, and its replacement becomes the new path and query, or the
// Location of a redirect.

import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT, type Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { keepCaptures } from '../exchange/variable.ts';
import { redirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { unescapeRedirect } from '../server/uri.ts';
import type { BuildContext, Pattern } from './build-context.ts';
import { escapingTemplate } from './escaped-captures.ts';
import type { Rewrite } from './rewrite-rows.ts';

/** Ends the list of steps: `break`, and `rewrite` with `last` or `break`. */
export const STOP = -2;

interface Compiled {
  readonly rule: Rewrite;
  readonly pattern: Pattern;
  readonly path: Template;
  /** What follows the first "?" of the replacement; null where there is none. */
  readonly query: Template | null;
  /** False where the replacement ends with "?". */
  readonly addArgs: boolean;
  readonly logs: boolean;
}

/** Compiles a line; null after a reported error. */
export function compileRewrite(
  rule: Rewrite,
  logs: boolean,
  context: BuildContext,
): Handler | null {
  const pattern = context.pattern(rule.pattern.text, rule.pattern.at, '');
  if (pattern === null) return null;
  const { replacement } = rule;
  const addArgs = !replacement.text.endsWith('?');
  const text = addArgs ? replacement.text : replacement.text.slice(0, -1);
  const redirects = rule.flag === 'redirect' || rule.flag === 'permanent';
  const question = text.indexOf('?');
  const before = { ...replacement, text: question === -1 ? text : text.slice(0, question) };
  const after = { ...replacement, text: text.slice(question + 1) };
  const compiled: Compiled = {
    rule,
    pattern,
    path: redirects ? escapingTemplate(before, context) : context.template(before),
    query: question === -1 ? null : escapingTemplate(after, context),
    addArgs,
    logs,
  };
  return redirects ? redirectStep(compiled) : rewriteStep(compiled);
}

function matches(x: Exchange, { pattern, rule, logs }: Compiled): boolean {
  const found = pattern.regex.exec(x.uri);
  if (found === null) {
    if (logs) logError(x, 'notice', `"${rule.pattern.text}" does not match "${x.uri}"`);
    x.captures = null;
    return false;
  }
  if (logs) logError(x, 'notice', `"${rule.pattern.text}" matches "${x.uri}"`);
  keepCaptures(x, found, pattern.slots);
  x.quotesCaptures = false;
  return true;
}

function rewriteStep(compiled: Compiled): Handler {
  const { rule, path, query, addArgs, logs } = compiled;
  const verdict = rule.flag === 'none' ? NEXT : STOP;
  const ends = rule.flag === 'break';
  return (x) => {
    if (!matches(x, compiled)) return NEXT;
    const uri = path.evaluate(x);
    if (query !== null) {
      const own = query.evaluate(x);
      x.args = addArgs && x.args !== '' ? `${own}&${x.args}` : own;
    } else if (!addArgs) {
      x.args = '';
    }
    if (logs) logError(x, 'notice', `rewritten data: "${uri}", args: "${x.args}"`);
    if (uri === '') {
      logError(x, 'error', 'the rewritten URI has a zero length');
      return 500;
    }
    x.uri = uri;
    x.internal = true;
    x.targetValid = false;
    x.uriChanged = !ends;
    if (ends) x.locationValid = false;
    return verdict;
  };
}

function redirectStep(compiled: Compiled): Handler {
  const { rule, path, query, addArgs, logs } = compiled;
  const status = rule.flag === 'permanent' ? 301 : 302;
  return (x) => {
    if (!matches(x, compiled)) return NEXT;
    const own = query === null ? '' : `?${query.evaluate(x)}`;
    let target = unescapeRedirect(path.evaluate(x) + own);
    if (addArgs && x.args !== '') target += (query === null ? '?' : '&') + x.args;
    if (logs) logError(x, 'notice', `rewritten redirect: "${target}"`);
    redirect(x, status, target);
    return HANDLED;
  };
}
