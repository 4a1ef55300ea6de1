// `auth_request`: access for those whom another location lets through, asked by a subrequest.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { text } from '../config/value-types.ts';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ALLOWED, HANDLED, type Handler } from '../exchange/handler.ts';
import { toByteString, type Template } from '../exchange/template.ts';
import type { Assign } from '../exchange/variable.ts';
import { guarded, resumePhases } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { startSubrequest, type Subrequest, type SubrequestReceiver } from '../server/subrequest.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { argumentName } from './own-variable.ts';
import { variableName } from './rewrite-rows.ts';

export const authRequest = directive({
  name: 'auth_request',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'off',
  defaultText: 'off',
  help:
    'Path of a location that is asked (GET, without the body) whether the request may pass: any ' +
    'status of 2xx lets it through, 401 and 403 are answered, everything else is an error. "off" ' +
    'lifts what a higher level asks.',
  example: 'auth_request /auth;',
});

interface Taken {
  readonly name: string;
  readonly target: Argument;
  readonly value: Argument;
}

const takenValue: ValueType<Taken> = {
  expects: 'a variable and a text, in which variables of the answer may stand',
  parse(node, help) {
    const name = argumentName(node, 0, help);
    const [target, value] = node.args;
    if (name === null || target === undefined || value === undefined) return null;
    return { name, target, value };
  },
};

export const authRequestSet = listDirective<Taken>({
  name: 'auth_request_set',
  contexts: inHttpServerLocation,
  args: 2,
  value: takenValue,
  help:
    'Gives a variable a value when auth_request has its answer; $upstream_… in it are those of the ' +
    'answer.',
  example: 'auth_request_set $user $upstream_http_x_user;',
});

interface Settings {
  readonly uri: string;
  readonly sets: readonly { readonly assign: Assign; readonly value: Template }[];
}

/** A request that waits for what the other location says. */
class Question implements ExchangeOwner, SubrequestReceiver {
  readonly survivesAbort = false;
  readonly #x: Exchange;
  readonly #settings: Settings;
  #sub: Subrequest | null = null;
  #starting = true;
  /** Null before the answer is there. */
  verdict: number | null = null;

  constructor(x: Exchange, settings: Settings) {
    this.#x = x;
    this.#settings = settings;
  }

  /** HANDLED where the answer comes later. */
  ask(): number {
    const { uri } = this.#settings;
    const plan = { uri, args: '', method: 'GET', body: null };
    this.#sub = startSubrequest(this.#x, plan, this);
    this.#starting = false;
    if (this.#sub === null) return 500;
    return this.verdict ?? HANDLED;
  }

  onSubrequestEnd(sub: Exchange): void {
    const x = this.#x;
    for (const { assign, value } of this.#settings.sets) assign(x, value.evaluate(sub));
    this.verdict = verdictOf(x, sub);
    if (this.#starting) return;
    x.owner = null;
    x.phase -= 1;
    guarded(x, resumePhases);
  }

  onClientDrain(): void {
    // Nothing has been sent yet.
  }

  onClientAborted(): void {
    asked.delete(this.#x);
    this.#sub?.abort();
  }
}

/** Requests that were asked for and wait, or are asked again now. */
const asked = new WeakMap<Exchange, Question>();

function verdictOf(x: Exchange, sub: Exchange): number {
  const { status } = sub;
  if (status === 401) {
    for (const challenge of sub.fields.all('www-authenticate')) {
      x.fields.add('WWW-Authenticate', challenge);
    }
    return 401;
  }
  if (status === 403) return 403;
  if (status >= 200 && status < 300) return ALLOWED;
  logError(x, 'error', `auth request unexpected status: ${status}`);
  return 500;
}

function handlerOf(settings: Settings): Handler {
  return (x) => {
    const before = asked.get(x);
    if (before !== undefined) {
      asked.delete(x);
      return before.verdict ?? 500;
    }
    const question = new Question(x, settings);
    const verdict = question.ask();
    if (verdict !== HANDLED) return verdict;
    asked.set(x, question);
    x.owner = question;
    return HANDLED;
  };
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const sets = scope.get(authRequestSet).flatMap(({ name, target, value }) => {
    const template = context.template(value);
    const assign = context.variables.assigner(name);
    if (assign !== null) return [{ assign, value: template }];
    context.reportOnce('error', target.at, `the duplicate "${name}" variable`);
    return [];
  });
  const uri = scope.get(authRequest);
  if (uri === 'off') return;
  build.add('access', handlerOf({ uri: toByteString(uri), sets }));
}

// A log format at the top may use what a location sets.
function defineTaken(nodes: readonly DirectiveNode[], context: BuildContext): void {
  const { variables } = context;
  for (const { name, args, block } of nodes) {
    const target = name === authRequestSet.name ? variableName(args[0]?.text ?? '') : null;
    if (target !== null) {
      if (variables.find(target) === null) variables.define(target);
      else variables.assigner(target);
    }
    if (block !== null) defineTaken(block, context);
  }
}

export const authRequestModule: Module = {
  name: 'auth_request',
  directives: [authRequest, authRequestSet],
  define(http, context) {
    defineTaken(http.node?.block ?? [], context);
    return () => undefined;
  },
  location,
};
