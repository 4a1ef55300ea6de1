// `error_page`: answers certain statuses with another URI, URL or named location.

import type { Argument } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import type { ErrorPage } from '../server/location.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation, inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';

interface ErrorPageLine {
  readonly codes: readonly number[];
  /** As in `ErrorPage`. */
  readonly status: number;
  readonly target: Argument;
}

const value: ValueType<ErrorPageLine> = {
  expects: 'statuses, perhaps =STATUS, and a URI',
  parse(node, help) {
    const args = [...node.args];
    const target = args.pop();
    if (target === undefined) return null;
    let status = 0;
    const last = args.at(-1);
    if (last?.text.startsWith('=') === true) {
      args.pop();
      status = last.text === '=' ? -1 : Number(last.text.slice(1));
      if (Number.isNaN(status)) {
        help.error(last.at, `invalid value "${last.text}"`);
        return null;
      }
    }
    if (args.length === 0) {
      help.error(last?.at ?? node.at, `invalid value "${last?.text ?? ''}"`);
      return null;
    }
    const codes: number[] = [];
    for (const one of args) {
      const code = Number(one.text);
      if (!/^\d+$/.test(one.text)) {
        help.error(one.at, `invalid value "${one.text}"`);
        return null;
      }
      if (!Number.isInteger(code) || code < 300 || code > 599) {
        help.error(one.at, `value "${one.text}" must be between 300 and 599`);
        return null;
      }
      if (code === 499) {
        help.error(one.at, 'invalid value "499"', 'the client is gone then: nobody gets the page');
        return null;
      }
      // nginx's own word for a head that is too large; the client sees 431 here.
      codes.push(code === 431 ? 494 : code, code);
    }
    return { codes, status, target };
  },
};

export const errorPage = listDirective<ErrorPageLine>({
  name: 'error_page',
  contexts: inHttpServerLocationIf,
  args: { min: 2, max: Infinity },
  value,
  help:
    'For these statuses answers with another URI, URL or @named location. "=200" changes the ' +
    'status, "=" takes the one of the other location.',
  example: 'error_page 500 502 503 504 /unavailable.html;',
});

export const recursiveErrorPages = directive({
  name: 'recursive_error_pages',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether error_page applies again to an error of an error page.',
  example: 'recursive_error_pages on;',
});

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const lines = scope.get(errorPage);
  if (lines.length === 0) return;
  const pages = new Map<number, ErrorPage>();
  for (const line of lines) {
    const page: ErrorPage = { target: context.template(line.target), status: line.status };
    for (const code of line.codes) if (!pages.has(code)) pages.set(code, page);
  }
  build.errorPages = pages;
}

export const errorPageModule: Module = {
  name: 'error_page',
  directives: [errorPage, recursiveErrorPages],
  location,
};
