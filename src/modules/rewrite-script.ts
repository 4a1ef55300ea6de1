// `set`, `rewrite`, `if`, `break` and `return` of one level become one list of steps, run in the
// order in which they are written. A step ends the list with STOP, the phases with a status.

import fs from 'node:fs';
import type { DirectiveNode, Position } from '../config/node.ts';
import type { DirectiveRow } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange, LocationFacts } from '../exchange/exchange.ts';
import { NEXT, type Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { keepCaptures, type VariableTable } from '../exchange/variable.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext, Pattern } from './build-context.ts';
import { escapingTemplate } from './escaped-captures.ts';
import { returnDirective, returnHandler } from './return.ts';
import { compileRewrite, STOP } from './rewrite-step.ts';
import {
  breakDirective,
  ifInLocation,
  ifInServer,
  readCondition,
  rewrite,
  rewriteLog,
  set,
  type Assignment,
  variableName,
  type Condition,
} from './rewrite-rows.ts';

/** NEXT, STOP, HANDLED or a status. */
export type Step = Handler;

/** What `if` in a location needs: the location that it stands for. */
export interface ScriptTools {
  readonly context: BuildContext;
  buildImplicit(scope: Scope): LocationFacts;
}

/** The steps of one level, in order; empty where there are none. */
export function compileScript(scope: Scope, tools: ScriptTools): readonly Step[] {
  const steps: Step[] = [];
  const values = valuesByNode(scope);
  const blocks = new Map<DirectiveNode, Scope>();
  for (const row of [ifInServer, ifInLocation]) {
    for (const inner of scope.blocks(row)) if (inner.node !== null) blocks.set(inner.node, inner);
  }
  for (const node of scope.node?.block ?? []) {
    const inner = blocks.get(node);
    const step =
      inner === undefined
        ? (values.get(node)?.(scope, tools.context) ?? null)
        : compileIf(inner, tools);
    if (step === null) continue;
    steps.push(tools.context.trace?.step(node, step) ?? step);
  }
  return steps;
}

type Compile = (scope: Scope, context: BuildContext) => Step | null;

// A row gathers its values in an array, one for each of its nodes.
function valuesByNode(scope: Scope): ReadonlyMap<DirectiveNode, Compile> {
  const found = new Map<DirectiveNode, Compile>();
  const add = <V>(row: DirectiveRow<readonly V[]>, compile: (value: V) => Compile): void => {
    const values = scope.own(row);
    if (values === null) return;
    scope.nodes(row).forEach((node, i) => {
      const value = values[i];
      if (value !== undefined) found.set(node, compile(value));
    });
  };
  add(set, (value) => (_scope, context) => compileSet(value, context));
  add(
    rewrite,
    (value) => (inner, context) => compileRewrite(value, inner.get(rewriteLog), context),
  );
  add(returnDirective, (value) => (inner, context) => returnHandler(value, inner, context));
  add(breakDirective, () => () => stop);
  return found;
}

const stop: Step = (x) => {
  // Of a "rewrite" before it the new path stays, and no location is looked for.
  if (x.uriChanged) x.locationValid = false;
  x.uriChanged = false;
  return STOP;
};

/** Runs steps until one of them ends the list. */
export function runSteps(steps: readonly Step[], x: Exchange): number {
  for (const step of steps) {
    const verdict = step(x);
    if (verdict !== NEXT) return verdict;
  }
  return NEXT;
}

function compileSet({ name, value, target }: Assignment, context: BuildContext): Step | null {
  const template = escapingTemplate(value, context, quotesCaptures);
  const assign = context.variables.assigner(name);
  if (assign === null) {
    context.error(target.at, `the duplicate "${name}" variable`, 'it cannot be changed');
    return null;
  }
  return (x) => {
    assign(x, template.evaluate(x));
    return NEXT;
  };
}

function compileIf(inner: Scope, tools: ScriptTools): Step | null {
  const { context } = tools;
  if (inner.node === null) return null;
  const report = (at: Position, message: string, hint?: string): void =>
    context.error(at, message, hint);
  const condition = readCondition(inner.node, report);
  const holds = condition === null ? null : compileCondition(condition, context);
  const location = inner.context === 'if-in-location' ? tools.buildImplicit(inner) : null;
  const steps = compileScript(inner, tools);
  if (holds === null) return null;
  return (x) => {
    if (!holds(x)) return NEXT;
    if (location !== null) x.location = location;
    return runSteps(steps, x);
  };
}

type Test = (x: Exchange) => boolean;

function quotesCaptures(x: Exchange): boolean {
  return x.quotesCaptures;
}

function compileCondition(condition: Condition, context: BuildContext): Test | null {
  switch (condition.kind) {
    case 'value': {
      const value = context.template(condition.variable);
      return (x) => {
        const text = value.evaluate(x);
        return text !== '' && text !== '0';
      };
    }
    case 'equal': {
      const value = context.template(condition.variable);
      const other = escapingTemplate(condition.other, context, quotesCaptures);
      const { negated } = condition;
      return (x) => (value.evaluate(x) === other.evaluate(x)) !== negated;
    }
    case 'match': {
      const { variable, pattern, caseless, negated } = condition;
      const compiled = context.pattern(pattern.text, pattern.at, caseless ? 'i' : '');
      if (compiled === null) return null;
      return matchTest(context.template(variable), compiled, negated);
    }
    case 'file':
      return fileTest(
        condition.test,
        condition.negated,
        escapingTemplate(condition.path, context, quotesCaptures),
      );
  }
}

function matchTest(value: Template, pattern: Pattern, negated: boolean): Test {
  return (x) => {
    const found = pattern.regex.exec(value.evaluate(x));
    if (found === null) x.captures = null;
    else keepCaptures(x, found, pattern.slots);
    return (found !== null) !== negated;
  };
}

function fileTest(test: 'f' | 'd' | 'e' | 'x', negated: boolean, path: Template): Test {
  return (x) => {
    const text = path.evaluate(x);
    return (!text.includes('\0') && fileIs(test, text, x)) !== negated;
  };
}

function fileIs(test: 'f' | 'd' | 'e' | 'x', path: string, x: Exchange): boolean {
  let stat: fs.Stats | undefined;
  try {
    stat = fs.statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    if (code !== 'ENOTDIR') logError(x, 'crit', `stat() "${path}" failed (${code})`);
    return false;
  }
  if (stat === undefined) return false;
  if (test === 'f') return stat.isFile();
  if (test === 'd') return stat.isDirectory();
  return test === 'e' || (stat.isFile() && (stat.mode & 0o111) !== 0);
}

// Empty, and a warning, where nothing set it.
function uninitialized(name: string): (x: Exchange) => string | null {
  return (x) => {
    if (locationOf(x).warnsUninitialized) {
      logError(x, 'warn', `using uninitialized "${name}" variable`);
    }
    return '';
  };
}

/** Defines what `set` gives values to, at all levels: a log format at the top may use it. */
export function defineSetVariables(
  nodes: readonly DirectiveNode[],
  variables: VariableTable,
): void {
  for (const { name, args, block } of nodes) {
    const target = name === 'set' ? variableName(args[0]?.text ?? '') : null;
    if (target !== null) {
      if (variables.find(target) === null) {
        variables.defineComputed(target, uninitialized(target));
      } else {
        // A member of a family gets its place.
        variables.assigner(target);
      }
    }
    if (block !== null) defineSetVariables(block, variables);
  }
}
