// `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: Set-Cookie of upstream responses
// rewritten for the clients of this proxy.

import type { Argument } from '../config/node.ts';
import { listDirective, type DirectiveRow, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import { keepCaptures } from '../exchange/variable.ts';
import type { CookieRewriter } from '../forward/proxy-settings.ts';
import { formatSetCookie, parseSetCookie, type CookieAttribute } from '../forward/set-cookie.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext, Pattern } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { cookieFlagsOf, editFlags, flagNames } from './cookie-flags.ts';
import { reportOff, offOrArguments, type OffOr } from './off-or.ts';

interface Replacement {
  readonly from: Argument;
  readonly to: Argument;
}

const replacement: ValueType<OffOr<Replacement>> = offOrArguments(
  '"off", or what to replace and with what',
  (from, [to]) => (to === undefined ? null : { from, to }),
);

export const proxyCookieDomain = listDirective<OffOr<Replacement>>({
  name: 'proxy_cookie_domain',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: replacement,
  defaultText: 'off',
  help:
    'Replaces the Domain of cookies that upstream servers set: a whole domain, or with "~" what a ' +
    'regular expression matches. Case and a dot in front make no difference.',
  example:
    'proxy_cookie_domain backend.internal www.example.com;\nproxy_cookie_domain ~\\.internal$ example.com;',
});

export const proxyCookiePath = listDirective<OffOr<Replacement>>({
  name: 'proxy_cookie_path',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: replacement,
  defaultText: 'off',
  help:
    'Replaces the beginning of the Path of cookies that upstream servers set, or with "~" or "~*" ' +
    'the Path that a regular expression matches.',
  example: 'proxy_cookie_path /app/ /;\nproxy_cookie_path ~*^/user/([^/]+) /u/$1;',
});

interface FlagLine {
  readonly cookie: Argument;
  readonly flags: readonly Argument[];
}

export const proxyCookieFlags = listDirective<OffOr<FlagLine>>({
  name: 'proxy_cookie_flags',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 4 },
  value: offOrArguments('"off", or a cookie and its flags', (cookie, flags) =>
    flags.length === 0 ? null : { cookie, flags },
  ),
  defaultText: 'off',
  help:
    `Sets or takes away flags of cookies (${flagNames.join(', ')}); the first line whose name, or ` +
    'regular expression after "~", fits the cookie decides.',
  differs: 'a flag without variables that does not exist is refused when the configuration is read',
  example:
    'proxy_cookie_flags session secure httponly samesite=strict;\nproxy_cookie_flags ~^tracking nosecure;',
});

/** A rewrite of one attribute's value; null where it does not fit. */
type ValueRule = (value: string, x: Exchange) => string | null;

/** Null: no line applies here. */
export function compileCookies(scope: Scope, context: BuildContext): CookieRewriter | null {
  const domains = linesOf(scope, proxyCookieDomain, context).map((line) =>
    domainRule(line, context),
  );
  const paths = linesOf(scope, proxyCookiePath, context).map((line) => pathRule(line, context));
  const flags = linesOf(scope, proxyCookieFlags, context).map((line) => flagRule(line, context));
  if (domains.length + paths.length + flags.length === 0) return null;
  return (text, x) => {
    const attributes = parseSetCookie(text);
    const [cookie] = attributes;
    if (cookie === undefined || cookie.value === null) return null;
    let changed = rewrite(attributes, 'domain', domains, x);
    changed = rewrite(attributes, 'path', paths, x) || changed;
    changed = setFlags(attributes, flags, x) || changed;
    return changed ? formatSetCookie(attributes) : null;
  };
}

function linesOf<T>(
  scope: Scope,
  row: DirectiveRow<readonly OffOr<T>[]>,
  context: BuildContext,
): readonly T[] {
  const lines = scope.get(row);
  reportOff(lines, scope, row, context);
  return lines.filter((line): line is T => line !== 'off');
}

function rewrite(
  attributes: readonly CookieAttribute[],
  lowerName: string,
  rules: readonly ValueRule[],
  x: Exchange,
): boolean {
  if (rules.length === 0) return false;
  let changed = false;
  for (let i = 1; i < attributes.length; i += 1) {
    const attribute = attributes[i];
    if (attribute === undefined || attribute.value === null) continue;
    if (attribute.name?.toLowerCase() !== lowerName) continue;
    for (const rule of rules) {
      const value = rule(attribute.value, x);
      if (value === null) continue;
      attribute.value = value;
      changed = true;
      break;
    }
  }
  return changed;
}

function withoutDot(argument: Argument): Argument {
  return argument.text.startsWith('.') ? { ...argument, text: argument.text.slice(1) } : argument;
}

function domainRule({ from, to }: Replacement, context: BuildContext): ValueRule {
  if (from.text.startsWith('~')) {
    return patternRule(context.pattern(from.text.slice(1), from.at, 'i'), context.template(to));
  }
  const domain = context.template(withoutDot(from));
  const replace = context.template(withoutDot(to));
  return (value, x) => {
    const dot = value.startsWith('.') ? 1 : 0;
    if (value.slice(dot).toLowerCase() !== domain.evaluate(x).toLowerCase()) return null;
    return value.slice(0, dot) + replace.evaluate(x);
  };
}

function pathRule({ from, to }: Replacement, context: BuildContext): ValueRule {
  const replace = context.template(to);
  const { text, at } = from;
  if (text.startsWith('~')) {
    const caseless = text.startsWith('~*');
    return patternRule(
      context.pattern(text.slice(caseless ? 2 : 1), at, caseless ? 'i' : ''),
      replace,
    );
  }
  const prefix = context.template(from);
  return (value, x) => {
    const start = prefix.evaluate(x);
    return value.startsWith(start) ? replace.evaluate(x) + value.slice(start.length) : null;
  };
}

function patternRule(pattern: Pattern | null, replace: Template): ValueRule {
  if (pattern === null) return () => null;
  return (value, x) => {
    const match = pattern.regex.exec(value);
    if (match === null) return null;
    keepCaptures(x, match, pattern.slots);
    return replace.evaluate(x);
  };
}

interface FlagRule {
  fits(cookie: string, x: Exchange): boolean;
  readonly flags: readonly Template[];
}

function flagRule({ cookie, flags }: FlagLine, context: BuildContext): FlagRule {
  const templates = flags.map((flag) => {
    const template = context.template(flag);
    const { constant } = template;
    if (constant !== null && cookieFlagsOf([constant]) === null) {
      context.reportOnce('error', flag.at, `invalid proxy_cookie_flags flag "${flag.text}"`);
    }
    return template;
  });
  if (cookie.text.startsWith('~')) {
    const pattern = context.pattern(cookie.text.slice(1), cookie.at, 'i');
    return { fits: (name, x) => pattern !== null && matches(pattern, name, x), flags: templates };
  }
  const wanted = context.template(cookie);
  return {
    fits: (name, x) => name.toLowerCase() === wanted.evaluate(x).toLowerCase(),
    flags: templates,
  };
}

function matches(pattern: Pattern, name: string, x: Exchange): boolean {
  const match = pattern.regex.exec(name);
  if (match === null) return false;
  keepCaptures(x, match, pattern.slots);
  return true;
}

function setFlags(attributes: CookieAttribute[], rules: readonly FlagRule[], x: Exchange): boolean {
  const name = attributes[0]?.name ?? '';
  const rule = rules.find((one) => one.fits(name, x));
  if (rule === undefined) return false;
  const words = rule.flags.map((flag) => flag.evaluate(x));
  const wanted = cookieFlagsOf(words);
  if (wanted === null) {
    logError(x, 'error', `invalid proxy_cookie_flags flag in "${words.join(' ')}"`);
    return false;
  }
  return editFlags(attributes, wanted);
}
