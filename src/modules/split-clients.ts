// `split_clients`: a variable that has one value for a share of all clients, another for the rest.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { rawBlockListDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { murmurHash2 } from '../base/murmur-hash.ts';
import { toByteString } from '../exchange/template.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp } from './contexts.ts';
import type { Module } from './module.ts';
import { defineOwnVariable, definedName, type OwnVariableSpec } from './own-variable.ts';

/** Hashes below `below`, and at or above the share before, have the value. */
interface Share {
  readonly below: number;
  readonly value: string;
}

interface SplitClients extends OwnVariableSpec {
  readonly source: Argument;
  readonly shares: readonly Share[];
}

const splitValue: ValueType<SplitClients> = {
  expects: 'what tells clients apart, the variable to define, and a block of shares',
  parse(node, help) {
    const [source] = node.args;
    const name = definedName(node, help);
    const shares = readShares(node, help);
    if (name === null || source === undefined) return null;
    return { name, node, source, shares, volatile: false };
  },
};

const allHundredths = 10_000;
const highestHash = 0xffffffff;

// As nginx reckons: each share is rounded down by itself, then they are added.
function readShares(node: DirectiveNode, help: ParseHelp): readonly Share[] {
  const shares: Share[] = [];
  let total = 0;
  let below = 0;
  for (const line of node.block ?? []) {
    const read = readShare(line, help);
    if (read === null) continue;
    const { hundredths, value } = read;
    total = hundredths === null ? allHundredths : total + hundredths;
    if (total > allHundredths) {
      help.error(line.at, 'percent total is greater than 100%');
      break;
    }
    if (hundredths !== null) below += Math.floor((hundredths * highestHash) / allHundredths);
    shares.push({ below: hundredths === null ? Infinity : below, value });
  }
  return shares;
}

/** Null hundredths: "*", the rest. */
function readShare(
  line: DirectiveNode,
  help: ParseHelp,
): { readonly hundredths: number | null; readonly value: string } | null {
  const [value, ...others] = line.args;
  if (value === undefined || others.length > 0) {
    const hint = 'each line is: 12.5% value;';
    help.error(line.at, 'invalid number of the split_clients parameters', hint);
    return null;
  }
  const text = toByteString(value.text);
  if (line.name === '*') return { hundredths: null, value: text };
  const match = /^(\d*)(?:\.(\d{0,2}))?%$/.exec(line.name);
  const hundredths =
    match === null ? 0 : Number((match[1] ?? '') + (match[2] ?? '').padEnd(2, '0'));
  if (hundredths > 0) return { hundredths, value: text };
  const hint = 'a number above 0 with at most two decimals and "%", or "*"';
  help.error(line.at, `invalid percent value "${line.name}"`, hint);
  return null;
}

export const splitClients = rawBlockListDirective<SplitClients>({
  name: 'split_clients',
  contexts: inHttp,
  args: 2,
  value: splitValue,
  help:
    'Defines a variable whose value depends on a hash (MurmurHash2) of a text, so that each client ' +
    'has one value for ever. Each line has a percentage with at most two decimals, or "*" for the ' +
    'rest, and the value; what no line covers has an empty one.',
  example:
    'split_clients "${remote_addr}AAA" $variant {\n' +
    '    0.5% .one;\n' +
    '    2.0% .two;\n' +
    '    *    "";\n' +
    '}',
});

function chosen(shares: readonly Share[], hash: number): string {
  for (const { below, value } of shares) if (hash < below) return value;
  return '';
}

function define(http: Scope, context: BuildContext): () => void {
  const defined = http.get(splitClients).flatMap((block) => {
    const variable = defineOwnVariable(block, context);
    return variable === null ? [] : [{ block, variable }];
  });
  return () => {
    for (const { block, variable } of defined) {
      const source = context.template(block.source);
      variable.compute((x) => chosen(block.shares, murmurHash2(source.evaluate(x))));
    }
  };
}

export const splitClientsModule: Module = {
  name: 'split_clients',
  directives: [splitClients],
  define,
};
