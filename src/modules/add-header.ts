// `add_header`, `add_trailer`: fields of the response that the configuration adds.

import type { Argument } from '../config/node.ts';
import { directive, listDirective, type DirectiveRow, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import { isToken, isFieldValue } from '../http1/text.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hideField, isSuccessOrRedirect } from './response-edits.ts';

interface AddedField {
  readonly name: Argument;
  readonly value: Argument;
  readonly always: boolean;
}

const addedField: ValueType<AddedField> = {
  expects: 'a name, a value, and perhaps "always"',
  parse(node, help) {
    const [name, value, third] = node.args;
    if (name === undefined || value === undefined) return null;
    if (third !== undefined && third.text !== 'always') {
      help.error(third.at, `invalid parameter "${third.text}"`, 'only "always" may follow');
      return null;
    }
    if (!isToken(name.text)) {
      help.error(name.at, `"${name.text}" is no name of a field`, 'letters, digits and hyphens');
      return null;
    }
    return { name, value, always: third !== undefined };
  },
};

const whichAnswers =
  ' To answers of status 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308; with "always" to all.';

export const addHeader = listDirective<AddedField>({
  name: 'add_header',
  contexts: inHttpServerLocationIf,
  args: { min: 2, max: 3 },
  value: addedField,
  help: `Adds a field to the response; one with an empty value is left out.${whichAnswers}`,
  example: 'add_header Strict-Transport-Security "max-age=31536000" always;',
});

export const addTrailer = listDirective<AddedField>({
  name: 'add_trailer',
  contexts: inHttpServerLocationIf,
  args: { min: 2, max: 3 },
  value: addedField,
  help: `Adds a field after the body, which is then sent in chunks.${whichAnswers}`,
  example: 'add_trailer X-Seconds $request_time;',
});

const inheritance = choice(['on', 'off', 'merge'] as const);

export const addHeaderInherit = directive<'on' | 'off' | 'merge'>({
  name: 'add_header_inherit',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: inheritance,
  default: 'on',
  defaultText: 'on',
  help:
    'Whether add_header of the level above applies: "on" only where this level has none, "merge" ' +
    'together with those of this level, "off" never.',
  example: 'add_header_inherit merge;\nadd_header X-Part inner;',
});

export const addTrailerInherit = directive<'on' | 'off' | 'merge'>({
  name: 'add_trailer_inherit',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: inheritance,
  default: 'on',
  defaultText: 'on',
  help: 'The same for add_trailer.',
  example: 'add_trailer_inherit merge;\nadd_trailer X-Part inner;',
});

/** What applies at a level, those of the levels above first. */
function effective(
  scope: Scope,
  row: DirectiveRow<readonly AddedField[]>,
  inherit: DirectiveRow<'on' | 'off' | 'merge'>,
): readonly AddedField[] {
  const own = scope.own(row) ?? [];
  const mode = scope.get(inherit);
  const above =
    scope.parent === null || mode === 'off' || (mode === 'on' && own.length > 0)
      ? []
      : effective(scope.parent, row, inherit);
  return [...above, ...own];
}

interface Compiled {
  readonly name: string;
  readonly lower: string;
  readonly value: Template;
  readonly always: boolean;
}

function compile(fields: readonly AddedField[], context: BuildContext): readonly Compiled[] {
  return fields.map(({ name, value, always }) => ({
    name: name.text,
    lower: name.text.toLowerCase(),
    value: context.template(value),
    always,
  }));
}

/** Fields that there is one of: a new value takes the place of the old one. */
const single: ReadonlySet<string> = new Set(['last-modified', 'etag']);

function addFields(x: Exchange, fields: readonly Compiled[]): void {
  const usual = isSuccessOrRedirect(x.status);
  for (const { name, lower, value, always } of fields) {
    if (!usual && !always) continue;
    const text = value.evaluate(x);
    if (single.has(lower)) hideField(x, lower);
    if (text !== '') x.fields.add(name, text);
  }
}

// Values are known only at the end of the body.
function trailerLines(fields: readonly Compiled[]): (x: Exchange) => string {
  return (x) => {
    let lines = '';
    for (const { name, value } of fields) {
      const text = value.evaluate(x);
      if (text !== '' && isFieldValue(text)) lines += `${name}: ${text}\r\n`;
    }
    return lines;
  };
}

// Those of an upstream server may be there already.
function addTrailers(x: Exchange, lines: (x: Exchange) => string): void {
  const before = x.trailerLines;
  x.trailerLines = before === null ? lines : (one) => before(one) + lines(one);
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const fields = compile(effective(scope, addHeader, addHeaderInherit), context);
  const trailers = compile(effective(scope, addTrailer, addTrailerInherit), context);
  if (fields.length > 0) build.headerFilters.push((x) => addFields(x, fields));
  if (trailers.length === 0) return;
  const lines = trailerLines(trailers);
  const always = trailerLines(trailers.filter((one) => one.always));
  const hasAlways = trailers.some((one) => one.always);
  build.headerFilters.push((x) => {
    if (isSuccessOrRedirect(x.status)) addTrailers(x, lines);
    else if (hasAlways) addTrailers(x, always);
  });
}

export const addHeaderModule: Module = {
  name: 'add_header',
  directives: [addHeader, addHeaderInherit, addTrailer, addTrailerInherit],
  location,
};
