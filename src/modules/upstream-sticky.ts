// `sticky`: requests that belong together go to one server of the group, by a cookie of the proxy's
// own, by a route that the request carries, or by sessions that are learnt from responses.

import { parseMilliseconds, parseSeconds } from '../base/duration.ts';
import { parseSize } from '../base/size.ts';
import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { directive, type ParseHelp } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import type { Getter } from '../exchange/variable.ts';
import type { GroupBinding } from '../upstream/group.ts';
import { isSameSite, StickyCookie } from '../upstream/sticky-cookie.ts';
import { StickyLearn } from '../upstream/sticky-learn.ts';
import { StickyRoute } from '../upstream/sticky-route.ts';
import type { BuildContext } from './build-context.ts';
import { inUpstream } from './contexts.ts';

interface CookieLine {
  readonly kind: 'cookie';
  readonly name: Argument;
  readonly expires: number | 'max' | null;
  readonly domain: Argument | null;
  readonly path: string | null;
  readonly httponly: boolean;
  readonly secure: boolean;
  readonly samesite: Argument | null;
}

interface RouteLine {
  readonly kind: 'route';
  readonly routes: readonly Argument[];
}

interface LearnLine {
  readonly kind: 'learn';
  readonly create: readonly Argument[];
  readonly lookup: readonly Argument[];
  readonly zone: { readonly name: string; readonly bytes: number };
  readonly timeoutMs: number;
  readonly header: boolean;
}

export interface StickyLine {
  readonly at: Position;
  readonly words: readonly string[];
  readonly how: CookieLine | RouteLine | LearnLine;
}

/** Parameters by name, those with a value including "="; each may stand once unless `several`. */
class Parameters {
  readonly #given = new Map<string, Argument[]>();
  /** The first thing that is wrong. */
  problem: { at: Position; message: string } | null = null;

  constructor(args: readonly Argument[], names: readonly string[], several: readonly string[]) {
    for (const { text, quoted, at } of args) {
      const equals = text.indexOf('=') + 1;
      const name = equals === 0 ? text : text.slice(0, equals);
      const known = this.#given.get(name) ?? [];
      if (!names.includes(name)) this.fail(at, `unknown parameter "${text}"`);
      else if (known.length > 0 && !several.includes(name)) {
        this.fail(at, `parameter "${name.replace('=', '')}" is duplicate`);
      }
      known.push({ text: text.slice(equals === 0 ? text.length : equals), quoted, at });
      this.#given.set(name, known);
    }
  }

  fail(at: Position, message: string): void {
    this.problem ??= { at, message };
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  all(name: string): readonly Argument[] {
    return this.#given.get(name) ?? [];
  }

  one(name: string): Argument | null {
    return this.all(name)[0] ?? null;
  }

  /** The same, and not empty. */
  filled(name: string): Argument | null {
    const argument = this.one(name);
    if (argument?.text === '') this.fail(argument.at, `no value for "${name.replace('=', '')}"`);
    return argument;
  }
}

const cookieNames = ['expires=', 'domain=', 'path=', 'httponly', 'secure', 'samesite='];

function readCookie(node: DirectiveNode, help: ParseHelp): CookieLine | null {
  const [, name, ...rest] = node.args;
  if (name === undefined) return null;
  const given = new Parameters(rest, cookieNames, []);
  if (name.text === '') given.fail(name.at, 'empty cookie name');
  else if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c\x3e-\x5b\x5d-\x7e]+$/.test(name.text)) {
    given.fail(name.at, `invalid cookie name "${name.text}"`);
  }
  const samesite = given.one('samesite=');
  if (samesite !== null && !samesite.text.includes('$') && !isSameSite(samesite.text)) {
    given.fail(samesite.at, 'invalid "samesite" parameter value');
  }
  const line = {
    kind: 'cookie' as const,
    name,
    expires: readExpires(given),
    domain: given.filled('domain='),
    path: given.filled('path=')?.text ?? null,
    httponly: given.has('httponly'),
    secure: given.has('secure'),
    samesite,
  };
  return report(given, help) ? null : line;
}

function readExpires(given: Parameters): number | 'max' | null {
  const expires = given.one('expires=');
  if (expires === null) return null;
  if (expires.text === 'max') return 'max';
  const seconds = parseSeconds(expires.text);
  if (seconds === null) given.fail(expires.at, 'invalid "expires" parameter value');
  return seconds;
}

function report({ problem }: Parameters, help: ParseHelp): boolean {
  if (problem !== null) help.error(problem.at, problem.message);
  return problem !== null;
}

function readRoute(node: DirectiveNode, help: ParseHelp): RouteLine | null {
  const routes = node.args.slice(1);
  const wrong = routes.find(({ text }) => !/^\$\w+$/.test(text));
  if (wrong === undefined) return { kind: 'route', routes };
  help.error(wrong.at, `invalid variable name "${wrong.text}"`);
  return null;
}

const learnNames = ['create=', 'lookup=', 'zone=', 'timeout=', 'header', 'sync'];
const defaultTimeoutMs = 600_000;
/** Eight pages, as in nginx. */
const leastBytes = 8 * 4096;

function readLearn(node: DirectiveNode, help: ParseHelp): LearnLine | null {
  const given = new Parameters(node.args.slice(1), learnNames, ['create=', 'lookup=']);
  for (const name of ['create=', 'lookup=']) {
    const bare = name.replace('=', '');
    for (const { text, at } of given.all(name)) {
      if (!/^\$\w+$/.test(text)) given.fail(at, `missing variable in the "${bare}" parameter`);
    }
    if (!given.has(name)) given.fail(node.at, `"${bare}" parameter is not specified`);
  }
  const zone = readZone(given, node.at);
  const timeout = given.one('timeout=');
  const timeoutMs = timeout === null ? defaultTimeoutMs : parseMilliseconds(timeout.text);
  if (timeoutMs === null || timeoutMs === 0) given.fail(timeout?.at ?? node.at, 'invalid timeout');
  const sync = given.one('sync');
  if (report(given, help)) return null;
  if (sync !== null) {
    help.warn(sync.at, '"sync" has no effect: sessions are not shared between machines');
  }
  return {
    kind: 'learn',
    create: given.all('create='),
    lookup: given.all('lookup='),
    zone,
    timeoutMs: timeoutMs ?? defaultTimeoutMs,
    header: given.has('header'),
  };
}

function readZone(given: Parameters, place: Position): { name: string; bytes: number } {
  const argument = given.one('zone=');
  const at = argument?.at ?? place;
  const [name = '', size] = (argument?.text ?? '').split(':');
  const bytes = parseSize(size ?? '') ?? 0;
  if (argument === null) given.fail(at, '"zone" parameter is not specified');
  else if (size === undefined) given.fail(at, 'zone size is not specified');
  else if (name === '') given.fail(at, 'zone name is not specified');
  else if (bytes === 0) given.fail(at, 'invalid zone size');
  else if (bytes < leastBytes) given.fail(at, 'zone is too small');
  return { name, bytes };
}

const readers = { cookie: readCookie, route: readRoute, learn: readLearn } as const;

function isKind(word: string): word is keyof typeof readers {
  return Object.hasOwn(readers, word);
}

export const sticky = directive<StickyLine | null>({
  name: 'sticky',
  contexts: inUpstream,
  args: { min: 2, max: Infinity },
  value: custom('"cookie", "route" or "learn" with their parameters', (node, help) => {
    const [first] = node.args;
    if (first === undefined || !isKind(first.text)) {
      help.error(first?.at ?? node.at, `unknown parameter "${first?.text ?? ''}"`);
      return null;
    }
    const how = readers[first.text](node, help);
    return how === null ? null : { at: node.at, words: node.args.map(({ text }) => text), how };
  }),
  default: null,
  help:
    'Requests that belong together go to one server, as long as it can serve them. "cookie NAME" ' +
    '(expires=, domain=, path=, httponly, secure, samesite=): a cookie of that name tells which. ' +
    '"route $variable…": the first variable with a value tells which, by its route=. "learn ' +
    'create=$variable lookup=$variable zone=NAME:SIZE" (timeout=10m, header): sessions that servers ' +
    'open are remembered, in memory that all workers share.',
  differs: '"sync" of "learn" has no effect: sessions are not shared between machines',
  example: 'sticky learn create=$upstream_cookie_id lookup=$cookie_id zone=sessions:1m timeout=1h;',
});

/** What a group needs of it; null after a reported error. */
export function bindingOf(
  { at, words, how }: StickyLine,
  group: string,
  context: BuildContext,
): GroupBinding | null {
  if (how.kind === 'route') {
    const routes = how.routes.map((one) => getterOf(one, context));
    return { definition: words, make: () => new StickyRoute(routes) };
  }
  if (how.kind === 'cookie') {
    const { name, domain, samesite, ...rest } = how;
    const settings = {
      ...rest,
      name: name.text,
      get: getterOf({ ...name, text: `$cookie_${name.text}` }, context, name.text),
      domain: domain === null ? null : context.template(domain),
      samesite: samesite === null ? null : context.template(samesite),
    };
    return { definition: words, make: () => new StickyCookie(settings) };
  }
  const { name, bytes } = how.zone;
  const identity = { kind: 'sticky', bytes, key: group };
  const sessions = context.zones.define(name, identity, at);
  if (sessions === null) return null;
  const settings = {
    create: how.create.map((one) => getterOf(one, context)),
    lookup: how.lookup.map((one) => getterOf(one, context)),
    sessions,
    timeoutMs: how.timeoutMs,
    header: how.header,
  };
  return {
    definition: words,
    make: (peers) =>
      new StickyLearn(
        settings,
        peers.map(({ sid }) => sid),
      ),
  };
}

// A cookie's name may have characters that a variable's cannot have in a configuration.
function getterOf(argument: Argument, context: BuildContext, cookie: string | null = null): Getter {
  const name = cookie === null ? argument.text.slice(1) : `cookie_${cookie}`;
  const getter = context.variables.find(name);
  if (getter !== null) return getter;
  context.error(argument.at, `unknown "${name}" variable`);
  return () => null;
}
