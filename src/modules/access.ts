// `allow`, `deny`, `satisfy`: who may ask, by address, and how several checks come together.

import { addressBytes, isWithin, parseNetwork, type Network } from '../base/network.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ALLOWED, NEXT, type Handler } from '../exchange/handler.ts';
import { logError } from '../server/request-log.ts';
import { inAccess, inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';

type Who = 'all' | 'unix' | Network;

const whoValue: ValueType<Who> = {
  expects: 'an address, a network such as 10.0.0.0/8, "unix:" or "all"',
  parse(node, help) {
    const [argument] = node.args;
    if (argument === undefined) return null;
    const { text, at } = argument;
    if (text === 'all') return 'all';
    if (text === 'unix:') return 'unix';
    const network = parseNetwork(text);
    if (network === null) {
      help.error(at, `invalid parameter "${text}"`, whoValue.expects);
      return null;
    }
    if (network.untidy) help.warn(at, `low address bits of ${text} are meaningless`);
    return network;
  },
};

const order = ' Lines are tried in order, the first that fits decides; with none, all may.';

export const allow = listDirective<Who>({
  name: 'allow',
  contexts: inAccess,
  args: 1,
  value: whoValue,
  help: `Lets the address or network through.${order}`,
  example: 'allow 10.0.0.0/8;\ndeny all;',
});

export const deny = listDirective<Who>({
  name: 'deny',
  contexts: inAccess,
  args: 1,
  value: whoValue,
  help: `Answers the address or network with 403.${order}`,
  example: 'deny 192.0.2.7;',
});

export const satisfy = directive({
  name: 'satisfy',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['all', 'any'] as const),
  default: 'all',
  defaultText: 'all',
  help:
    'Whether all checks of access (allow and deny, auth_basic, auth_request) must let a request ' +
    'through, or any one of them.',
  example: 'satisfy any;',
});

interface Rule {
  readonly who: Who;
  readonly allows: boolean;
}

// The lines of the nearest level that has any, in the order in which they are written.
function rulesOf(scope: Scope): readonly Rule[] {
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    const found = ownRules(level);
    if (found.length > 0) return found;
  }
  return [];
}

function ownRules(level: Scope): readonly Rule[] {
  const written = level.node?.block ?? [];
  const placed = [allow, deny].flatMap((row) => {
    const values = level.own(row);
    if (values === null) return [];
    return level.nodes(row).flatMap((node, i) => {
      const who = values[i];
      return who === undefined
        ? []
        : [{ place: written.indexOf(node), rule: { who, allows: row === allow } }];
    });
  });
  return placed.sort((a, b) => a.place - b.place).map(({ rule }) => rule);
}

function handlerOf(rules: readonly Rule[], all: boolean): Handler {
  return (x) => {
    const verdict = judge(x, rules);
    if (verdict === null) return NEXT;
    if (verdict) return ALLOWED;
    if (all) logError(x, 'error', 'access forbidden by rule');
    return 403;
  };
}

function judge(x: Exchange, rules: readonly Rule[]): boolean | null {
  const text = x.remoteAddress;
  const address = addressBytes(text);
  for (const { who, allows } of rules) {
    if (who === 'all') return allows;
    if (who === 'unix') {
      if (text === 'unix:') return allows;
    } else if (address !== null && isWithin(address, who)) {
      return allows;
    }
  }
  return null;
}

function location(scope: Scope, build: LocationBuild): void {
  build.satisfiesAny = scope.get(satisfy) === 'any';
  const rules = rulesOf(scope);
  if (rules.length > 0) build.add('access', handlerOf(rules, !build.satisfiesAny));
}

export const accessModule: Module = {
  name: 'access',
  directives: [allow, deny, satisfy],
  location,
};
