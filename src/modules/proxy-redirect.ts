// `proxy_redirect`: rewrites Location and Refresh so that clients come back to this proxy.

import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { RedirectRule } from '../forward/proxy-settings.ts';
import { keepCaptures } from '../exchange/variable.ts';
import type { BuildContext, Pattern } from './build-context.ts';
import { proxyPass, proxyRedirect, type RedirectLine } from './proxy-rows.ts';
import type { ProxyUrl } from './proxy-url.ts';

/** What `default` is made of. */
export interface RedirectBase {
  /** Null: proxy_pass has variables, and `default` can't be used. */
  readonly url: ProxyUrl | null;
  readonly locationName: string;
  /** Is the location a regular expression or a name? Then there is no prefix to put in. */
  readonly hasPrefix: boolean;
}

export function compileRedirects(
  scope: Scope,
  base: RedirectBase,
  context: BuildContext,
): readonly RedirectRule[] {
  const lines = scope.get(proxyRedirect);
  if (lines.length > 1 && lines.some((line) => line.kind === 'off')) {
    const second = scope.nodes(proxyRedirect)[1]?.at ?? null;
    context.reportOnce('error', second, '"proxy_redirect" directive is duplicate');
  }
  if (lines.some((line) => line.kind === 'off')) return [];
  if (lines.length === 0) return base.url === null ? [] : defaultRules(base);
  checkDefault(lines, scope, context);
  return lines.flatMap((line) => rulesOf(line, scope, base, context));
}

// As in nginx, `default` stands for what proxy_pass has said before.
function checkDefault(lines: readonly RedirectLine[], scope: Scope, context: BuildContext): void {
  if (scope.context !== 'location') return;
  const pass = scope.own(proxyPass)?.at ?? null;
  lines.forEach((line, i) => {
    const at = scope.nodes(proxyRedirect)[i]?.at ?? null;
    if (line.kind !== 'default' || at === null) return;
    if (pass !== null && scope.own(proxyRedirect) !== null && !isBefore(at, pass)) return;
    context.reportOnce(
      'error',
      at,
      '"proxy_redirect default" should be placed after the "proxy_pass" directive',
    );
  });
}

/** Does it stand before the other one? In another file that cannot be said. */
function isBefore(at: Position, other: Position): boolean {
  if (at.file !== other.file) return false;
  return at.line < other.line || (at.line === other.line && at.column < other.column);
}

function rulesOf(
  line: RedirectLine,
  scope: Scope,
  base: RedirectBase,
  context: BuildContext,
): readonly RedirectRule[] {
  if (line.kind === 'replace') {
    const rule = replacement(line, context);
    return rule === null ? [] : [rule];
  }
  if (line.kind === 'default') {
    if (base.url !== null) return defaultRules(base);
    context.error(
      scope.at(proxyRedirect),
      '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables',
    );
  }
  return [];
}

function defaultRules(base: RedirectBase): readonly RedirectRule[] {
  const { url } = base;
  if (url === null) return [];
  const scheme = url.secure ? 'https' : 'http';
  const from = `${scheme}://${url.authority}${url.uri === '' ? '/' : url.uri}`;
  // Without a URI part the path was not changed on the way out, so it is not on the way back.
  const to = url.uri === '' ? '/' : base.hasPrefix ? base.locationName : '/';
  return [(value) => (value.startsWith(from) ? to + value.slice(from.length) : null)];
}

function replacement(
  line: Extract<RedirectLine, { kind: 'replace' }>,
  context: BuildContext,
): RedirectRule | null {
  const to = context.template(line.to);
  const { text, at } = line.from;
  if (text.startsWith('~')) {
    const caseless = text.startsWith('~*');
    const pattern = context.pattern(text.slice(caseless ? 2 : 1), at, caseless ? 'i' : '');
    return pattern === null ? null : patternRule(pattern, to.evaluate);
  }
  const from = context.template(line.from);
  return (value, x) => {
    const prefix = from.evaluate(x);
    return value.startsWith(prefix) ? to.evaluate(x) + value.slice(prefix.length) : null;
  };
}

function patternRule(
  pattern: Pattern,
  replace: (x: Parameters<RedirectRule>[1]) => string,
): RedirectRule {
  return (value, x) => {
    const match = pattern.regex.exec(value);
    if (match === null) return null;
    keepCaptures(x, match, pattern.slots);
    return replace(x);
  };
}
