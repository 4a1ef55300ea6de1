// The directives of `userid`, and what they come to for a location.

import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, custom, mask, number, singleValue, text } from '../config/value-types.ts';
import { parseSeconds } from '../base/duration.ts';
import { inHttpServerLocation } from './contexts.ts';

const modes = ['off', 'log', 'v1', 'on'] as const;

const userid = directive<(typeof modes)[number]>({
  name: 'userid',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(modes),
  default: 'off',
  defaultText: 'off',
  help:
    'Whether clients get a cookie that tells them apart: "on" or "v1" for its two forms, "log" where ' +
    'one that they have is only logged.',
  example: 'userid on;',
});

const useridService = directive<number | null>({
  name: 'userid_service',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: null,
  defaultText: "the server's address",
  help: 'Number of the service that gives cookies, so that those of several differ; 0 for "v1".',
  example: 'userid_service 7;',
});

const useridName = directive({
  name: 'userid_name',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'uid',
  defaultText: 'uid',
  help: 'Name of the cookie.',
  example: 'userid_name visitor;',
});

const notNone: ValueType<string> = custom('a text, or none', (node) => {
  const given = node.args[0]?.text ?? '';
  return given === 'none' ? '' : given;
});

const useridDomain = directive({
  name: 'userid_domain',
  contexts: inHttpServerLocation,
  args: 1,
  value: notNone,
  default: '',
  defaultText: 'none',
  help: 'Domain for which the cookie is set.',
  example: 'userid_domain example.org;',
});

const useridPath = directive({
  name: 'userid_path',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: '/',
  defaultText: '/',
  help: 'Path for which the cookie is set.',
  example: 'userid_path /shop/;',
});

const useridP3p = directive({
  name: 'userid_p3p',
  contexts: inHttpServerLocation,
  args: 1,
  value: notNone,
  default: '',
  defaultText: 'none',
  help: 'Value of the field P3P that is sent with the cookie.',
  example: 'userid_p3p \'policyref="/w3c/p3p.xml"\';',
});

const useridExpires = directive<number | 'max' | 'off'>({
  name: 'userid_expires',
  contexts: inHttpServerLocation,
  args: 1,
  value: singleValue<number | 'max' | 'off'>('a time, max or off', (given) =>
    given === 'max' || given === 'off' ? given : parseSeconds(given),
  ),
  default: 'off',
  defaultText: 'off',
  help: 'How long the client keeps the cookie: a time, "max" (until 2037) or only while it runs.',
  example: 'userid_expires 365d;',
});

const flags = ['secure', 'httponly', 'samesite=strict', 'samesite=lax', 'samesite=none'] as const;

const useridFlags = directive<readonly ((typeof flags)[number] | 'off')[]>({
  name: 'userid_flags',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 3 },
  value: mask(['off', ...flags]),
  default: [],
  defaultText: 'off',
  help: 'Attributes of the cookie: secure, httponly, samesite=strict, samesite=lax, samesite=none.',
  example: 'userid_flags secure httponly samesite=lax;',
});

const useridMark = directive({
  name: 'userid_mark',
  contexts: inHttpServerLocation,
  args: 1,
  value: custom('off, or a letter, digit or "="', (node, help) => {
    const given = node.args[0];
    if (given?.text === 'off') return '';
    if (given !== undefined && /^[A-Za-z0-9=]$/.test(given.text)) return given.text;
    const message = 'value must be "off" or a single letter, digit or "="';
    help.error(given?.at ?? node.at, `"userid_mark" directive ${message}`);
    return null;
  }),
  default: '',
  defaultText: 'off',
  help:
    'A character at the end of the cookie. Cookies without it are sent anew with the same user in ' +
    'them, so that other attributes reach clients that have one.',
  example: 'userid_mark Z;',
});

export const useridRows = [
  userid,
  useridService,
  useridName,
  useridDomain,
  useridPath,
  useridP3p,
  useridExpires,
  useridFlags,
  useridMark,
] as const;

/** How users are told apart in a location. */
export interface UserIdSettings {
  readonly mode: 'log' | 'v1' | 'on';
  readonly service: number | null;
  readonly name: string;
  readonly mark: string;
  /** What follows the value in Set-Cookie, but for the time of its end. */
  readonly attributes: string;
  /** Seconds. */
  readonly expires: number | 'max' | 'off';
  readonly p3p: string;
}

/** Null where it is off. */
export function userIdSettings(scope: Scope): UserIdSettings | null {
  const mode = scope.get(userid);
  if (mode === 'off') return null;
  const domain = scope.get(useridDomain);
  const chosen = scope.get(useridFlags);
  const written = chosen.includes('off') ? [] : flags.filter((one) => chosen.includes(one));
  return {
    mode,
    service: scope.get(useridService),
    name: scope.get(useridName),
    mark: scope.get(useridMark),
    attributes: [
      ...(domain === '' ? [] : [`domain=${domain}`]),
      `path=${scope.get(useridPath)}`,
      ...written,
    ]
      .map((one) => `; ${one}`)
      .join(''),
    expires: scope.get(useridExpires),
    p3p: scope.get(useridP3p),
  };
}
