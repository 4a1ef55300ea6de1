// `add_before_body`, `add_after_body`: the answers of other locations before and after a response.

import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { toByteString } from '../exchange/template.ts';
import { AdditionFilter } from './addition-filter.ts';
import { weakenEtag } from './compression.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hideField } from './response-edits.ts';
import { hasType, typeList } from './type-list.ts';

const path: ValueType<string> = {
  expects: 'the path of a location; empty for none',
  parse: (node) => toByteString(node.args[0]?.text ?? ''),
};

const addBeforeBody = directive({
  name: 'add_before_body',
  contexts: inHttpServerLocation,
  args: 1,
  value: path,
  default: '',
  help: 'Path of a location whose answer is put before the body of a response; "" lifts it.',
  example: 'add_before_body /header.html;',
});

const addAfterBody = directive({
  name: 'add_after_body',
  contexts: inHttpServerLocation,
  args: 1,
  value: path,
  default: '',
  help: 'Path of a location whose answer is put after the body of a response; "" lifts it.',
  example: 'add_after_body /footer.html;',
});

const additionTypes = listDirective<readonly string[]>({
  name: 'addition_types',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: typeList,
  defaultText: 'text/html',
  help: 'MIME types of responses that something is added to besides text/html; "*" for all.',
  example: 'addition_types text/plain;',
});

function location(scope: Scope, build: LocationBuild): void {
  const before = scope.get(addBeforeBody);
  const after = scope.get(addAfterBody);
  if (before === '' && after === '') return;
  const types = new Set(['text/html', ...scope.get(additionTypes).flat()]);
  build.headerFilters.push((x) => {
    if (x.status !== 200 || x.parent !== null || !hasType(x, types)) return;
    x.contentLength = -1;
    x.allowRanges = false;
    hideField(x, 'accept-ranges');
    weakenEtag(x);
    if (x.method !== 'HEAD') x.addFilter(new AdditionFilter(x, before, after));
  });
}

export const additionModule: Module = {
  name: 'addition',
  directives: [addBeforeBody, addAfterBody, additionTypes],
  location,
};
