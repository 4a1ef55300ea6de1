// `location`: builds one location from its scope by asking every feature, then those nested in it.

import type { Argument } from '../config/node.ts';
import { blockDirective, directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { toByteString } from '../exchange/template.ts';
import { NEXT, type Handler } from '../exchange/handler.ts';
import type { Location, LocationKind } from '../server/location.ts';
import { LocationTree } from '../server/location-tree.ts';
import { delayRefusals } from './auth-delay.ts';
import type { BuildContext, Pattern } from './build-context.ts';
import type { BuildTrace } from './build-trace.ts';
import { clientSettings } from './client.ts';
import { inLocation, inServerLocation } from './contexts.ts';
import { recursiveErrorPages } from './error-page.ts';
import type { ErrorLogs } from './error-log.ts';
import { anyOf } from './satisfy-any.ts';
import { limitExcept, methodsOf } from './limit-except.ts';
import { logSubrequest } from './log-subrequest.ts';
import { phases, type LocationBuild, type Module, type Phase } from './module.ts';
import { postAction, postActionOf } from './post-action.ts';
import { uninitializedVariableWarn } from './rewrite-rows.ts';

export const location = blockDirective({
  name: 'location',
  contexts: inServerLocation,
  args: { min: 1, max: 2 },
  opens: 'location',
  help:
    'Directives for requests whose path matches: "=" exactly, a prefix (the longest wins; "^~" also ' +
    'over regular expressions), "~" and "~*" regular expressions in order, "@" a name.',
  example: 'location ~* \\.(gif|jpe?g)$ {\n' + '  root /data/images;\n' + '}',
});

export const internal = directive({
  name: 'internal',
  contexts: inLocation,
  args: 0,
  value: { expects: 'nothing', parse: () => true },
  default: false as boolean,
  help: 'Only internal redirects (error_page, index) reach the location; others get 404.',
  example: 'internal;',
});

/** What building locations needs besides the context. */
export interface LocationTools {
  readonly modules: readonly Module[];
  readonly context: BuildContext;
  readonly errorLogs: ErrorLogs;
}

/** What a location has that no path is matched with. */
const unmatched = {
  noRegex: false,
  regex: null,
  slots: [],
  autoRedirect: false,
  nested: null,
  except: null,
} as const;

class Build implements LocationBuild {
  readonly name: string;
  readonly isServer: boolean;
  readonly handlers: Record<Phase, Handler[]> = {
    rewrite: [],
    preaccess: [],
    access: [],
    precontent: [],
    content: [],
  };
  readonly headerFilters: LocationBuild['headerFilters'] = [];
  readonly logHandlers: LocationBuild['logHandlers'] = [];
  readonly values: LocationBuild['values'] = new Map();
  satisfiesAny = false;
  authDelay = 0;
  errorPages: LocationBuild['errorPages'] = null;
  autoRedirect = false;
  documentRoot: LocationBuild['documentRoot'] = null;
  requestFilename: LocationBuild['requestFilename'] = null;
  rateLimit: LocationBuild['rateLimit'] = null;
  #content: Handler | null = null;
  readonly #tools: LocationTools;

  constructor(name: string, isServer: boolean, tools: LocationTools) {
    this.name = name;
    this.isServer = isServer;
    this.#tools = tools;
  }

  implicit(scope: Scope): Location {
    const build = new Build(this.name, false, this.#tools);
    for (const module of this.#tools.modules) module.location?.(scope, build, this.#tools.context);
    return {
      ...common(scope, build, this.#tools),
      ...unmatched,
      kind: 'implicit',
      ...build.inOrder(scope.context === 'limit_except' ? 'rewrite' : 'preaccess', scope),
    };
  }

  add(phase: Phase, handler: Handler): void {
    this.handlers[phase].push(handler);
  }

  setContent(handler: Handler): void {
    this.#content = handler;
  }

  /** All handlers in order; a content handler that was set stands alone in its phase. */
  inOrder(from: Phase, scope: Scope): Pick<Location, 'handlers' | 'subrequestHandlers'> {
    const { trace } = this.#tools.context;
    const first: Handler[] = trace === null ? [] : [tracing(trace, scope)];
    const wanted = phases.slice(phases.indexOf(from));
    const checked = wanted.filter((phase) => phase !== 'access');
    return {
      handlers: first.concat(wanted.flatMap((phase) => this.#ofPhase(phase))),
      subrequestHandlers: first.concat(checked.flatMap((phase) => this.#ofPhase(phase))),
    };
  }

  #ofPhase(phase: Phase): readonly Handler[] {
    if (phase === 'content' && this.#content !== null) return [this.#content];
    const handlers = this.handlers[phase];
    if (phase !== 'access') return handlers;
    const checks = this.satisfiesAny ? anyOf(handlers) : handlers;
    return this.authDelay > 0 ? delayRefusals(checks, this.authDelay) : checks;
  }
}

function tracing(trace: BuildTrace, scope: Scope): Handler {
  return (x) => {
    trace.enter(x, scope);
    return NEXT;
  };
}

/** How a location is written: its kind, and the text that is matched. */
interface Match {
  readonly kind: LocationKind;
  readonly text: string;
  readonly noRegex: boolean;
  readonly caseless: boolean;
}

function readMatch(args: readonly Argument[]): Match | null {
  const [first, second] = args;
  if (first === undefined) return null;
  if (second !== undefined) return modified(first.text, second.text);
  const joined = /^(\^~|~\*|~|=)(.+)$/.exec(first.text);
  if (joined !== null) return modified(joined[1] ?? '', joined[2] ?? '');
  const kind = first.text.startsWith('@') ? 'named' : 'prefix';
  return { kind, text: first.text, noRegex: false, caseless: false };
}

function modified(modifier: string, text: string): Match | null {
  switch (modifier) {
    case '=':
      return { kind: 'exact', text, noRegex: true, caseless: false };
    case '^~':
      return { kind: 'prefix', text, noRegex: true, caseless: false };
    case '~':
      return { kind: 'regex', text, noRegex: false, caseless: false };
    case '~*':
      return { kind: 'regex', text, noRegex: false, caseless: true };
    default:
      return null;
  }
}

/** Builds all locations of a server or of another location. */
export function buildLocations(scope: Scope, tools: LocationTools): LocationTree {
  const tree = new LocationTree();
  for (const inner of scope.blocks(location)) {
    const built = buildLocation(inner, tools);
    if (built === null) continue;
    const at = inner.node?.at ?? null;
    const { context } = tools;
    if (built.kind === 'named' && scope.context !== 'server') {
      context.error(at, `named location "${built.name}" can be on the server level only`);
    } else if (!tree.add(built)) {
      context.error(at, `duplicate location "${built.name}"`);
    }
  }
  return tree;
}

function buildLocation(scope: Scope, tools: LocationTools): Location | null {
  const { context } = tools;
  const args = scope.node?.args ?? [];
  const match = readMatch(args);
  if (match === null) {
    context.error(args[0]?.at ?? null, `invalid location modifier "${args[0]?.text ?? ''}"`);
    return null;
  }
  let pattern: Pattern | null = null;
  if (match.kind === 'regex') {
    pattern = context.pattern(match.text, args.at(-1)?.at ?? null, match.caseless ? 'i' : '');
    if (pattern === null) return null;
  }
  if (!checkNesting(scope, match, context)) return null;
  const build = new Build(toByteString(match.text), false, tools);
  for (const module of tools.modules) module.location?.(scope, build, context);
  const hasNested = scope.blocks(location).length > 0;
  const built: Location = {
    ...common(scope, build, tools),
    kind: match.kind,
    noRegex: match.noRegex,
    regex: pattern?.regex ?? null,
    slots: pattern?.slots ?? [],
    autoRedirect: build.autoRedirect && match.text.endsWith('/'),
    nested: hasNested ? buildLocations(scope, tools) : null,
    except: exceptOf(scope, build),
    ...build.inOrder('rewrite', scope),
  };
  context.trace?.builtLocation(built, scope);
  return built;
}

function exceptOf(scope: Scope, build: Build): Location['except'] {
  const [inner] = scope.blocks(limitExcept);
  if (inner === undefined) return null;
  return { methods: methodsOf(inner), location: build.implicit(inner) };
}

function checkNesting(scope: Scope, match: Match, context: BuildContext): boolean {
  const outer = scope.parent;
  if (outer?.context !== 'location') return true;
  const at = scope.node?.at ?? null;
  const outerMatch = readMatch(outer.node?.args ?? []);
  if (outerMatch === null) return true;
  if (outerMatch.kind === 'exact' || outerMatch.kind === 'named') {
    context.error(
      at,
      `location "${match.text}" cannot be inside the ` +
        `${outerMatch.kind} location "${outerMatch.text}"`,
    );
    return false;
  }
  if (match.kind === 'named' || match.kind === 'regex') return true;
  if (match.text.startsWith(outerMatch.text)) return true;
  context.error(at, `location "${match.text}" is outside location "${outerMatch.text}"`);
  return false;
}

function common(scope: Scope, build: Build, tools: LocationTools) {
  return {
    name: build.name,
    documentRoot: build.documentRoot,
    requestFilename: build.requestFilename,
    warnsUninitialized: scope.get(uninitializedVariableWarn),
    internalOnly: scope.context === 'location' && scope.get(internal),
    headerFilters: build.headerFilters,
    logHandlers: build.logHandlers,
    values: build.values,
    logsSubrequests: scope.get(logSubrequest),
    errorPages: build.errorPages,
    rateLimit: build.rateLimit,
    recursiveErrorPages: scope.get(recursiveErrorPages),
    postAction: postActionOf(scope),
    client: clientSettings(scope, tools.context),
    errorLog: tools.errorLogs.of(scope),
  };
}

/** The server itself: its handlers before the location, and what serves when none matches. */
export function buildServerLocation(
  scope: Scope,
  tools: LocationTools,
): { handlers: readonly Handler[]; outside: Location } {
  const build = new Build('', true, tools);
  for (const module of tools.modules) module.location?.(scope, build, tools.context);
  const outside: Location = {
    ...common(scope, build, tools),
    ...unmatched,
    kind: 'server',
    ...build.inOrder('preaccess', scope),
  };
  return { handlers: build.handlers.rewrite, outside };
}

export const locationModule: Module = {
  name: 'location',
  directives: [location, internal, limitExcept, logSubrequest, postAction],
};
