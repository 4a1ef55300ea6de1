// Paths of files that requests have a part in. What comes from a request may name a file below the
// folder that the configuration says, and never lead up from there: a ".." that the configuration did
// not write itself makes the path one that no file can have.

import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';

/** A path that no file has: whoever opens one refuses the NUL, and the client gets 404. */
export const nowhere = '/\0';

/** Is there a ".." among the parts of a path? */
export function leadsUp(path: string): boolean {
  return path.includes('..') && /(?:^|\/)\.\.(?:\/|$)/.test(path);
}

function stepsUp(path: string): number {
  return path.includes('..') ? (path.match(/(?<=^|\/)\.\.(?=\/|$)/g) ?? []).length : 0;
}

/** The rest of a path behind a folder; `nowhere` where it would lead up. */
export function joined(x: Exchange, folder: string, rest: string): string {
  return leadsUp(rest) ? refused(x, folder + rest) : folder + rest;
}

/**
 * Evaluates the template of a path; `nowhere` where a variable makes it lead up. Variables whose
 * values the configuration writes itself may.
 */
export function guardedPath(template: Template, context: BuildContext): (x: Exchange) => string {
  const { constant, source } = template;
  if (constant !== null) return () => constant;
  const names = [...source.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name.toLowerCase());
  if (names.every((name) => context.configuredVariables.has(name))) {
    return (x) => template.evaluate(x);
  }
  const written = stepsUp(source);
  return (x) => {
    const path = template.evaluate(x);
    return stepsUp(path) > written ? refused(x, path) : path;
  };
}

function refused(x: Exchange, path: string): string {
  logError(x, 'error', `"${path}" is refused: a ".." that comes from the request leads up`);
  return nowhere;
}
