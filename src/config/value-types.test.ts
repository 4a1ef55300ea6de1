import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from './diagnostic.ts';
import { parseConfiguration } from './parser.ts';
import type { ValueType } from './row.ts';
import { TextSources } from './source.ts';
import * as types from './value-types.ts';

// What a type makes of arguments: the value, or the messages that it reported.
function evaluate(type: ValueType<unknown>, args: string): unknown {
  const diagnostics = new Diagnostics();
  const sources = new TextSources(new Map());
  const { nodes } = parseConfiguration({ file: '/f', text: `d ${args};`, sources, diagnostics });
  const [node] = nodes;
  assert.ok(node !== undefined);
  const value = type.parse(node, {
    error: (at, message) => diagnostics.error(at, message),
    warn: (at, message) => diagnostics.warn(at, message),
    resolvePath: (path, relativeTo) => `${relativeTo}:${path}`,
  });
  const found = diagnostics.list.map(({ at, severity, message }) => {
    return `${severity} ${at?.column} ${message}`;
  });
  return found.length === 0 ? value : [value, ...found];
}

const cases: readonly (readonly [string, ValueType<unknown>, string, unknown])[] = [
  ['flag', types.flag, 'on', true],
  ['flag', types.flag, 'OFF', false],
  [
    'flag',
    types.flag,
    'yes',
    [null, 'error 3 invalid value "yes" in "d" directive, it must be "on" or "off"'],
  ],
  ['size', types.size, '8k', 8192],
  ['size', types.size, '1g', [null, 'error 3 "d" directive invalid value']],
  ['bytes1', types.bytes1, '0', [null, 'error 3 "d" directive invalid value']],
  ['offset', types.offset, '1g', 1024 ** 3],
  ['time', types.time, '1500ms', 1500],
  ['time', types.time, '1M', [null, 'error 3 "d" directive invalid value']],
  ['seconds', types.seconds, '5m', 300],
  ['seconds', types.seconds, '1ms', [null, 'error 3 "d" directive invalid value']],
  ['number', types.number(), '42', 42],
  ['number', types.number(), '-1', [null, 'error 3 "d" directive invalid number']],
  ['number', types.number({ min: 1, max: 9 }), '9', 9],
  [
    'number',
    types.number({ min: 1, max: 9 }),
    '10',
    [null, 'error 3 value must be between 1 and 9'],
  ],
  [
    'number',
    types.number({ min: 2 }),
    '1',
    [null, 'error 3 value must be equal to or greater than 2'],
  ],
  ['choice', types.choice(['on', 'off', 'optional']), 'Optional', 'optional'],
  ['choice', types.choice(['1.0', '1.1']), '1.2', [null, 'error 3 invalid value "1.2"']],
  ['mask', types.mask(['error', 'timeout', 'http_502']), 'http_502 ERROR', ['http_502', 'error']],
  ['mask', types.mask(['error']), 'error err', [null, 'error 9 invalid value "err"']],
  ['mask', types.mask(['error']), 'error error', [['error'], 'warning 9 duplicate value "error"']],
  ['text', types.text, '"a b"', 'a b'],
  ['texts', types.texts, 'a "" b', ['a', '', 'b']],
  ['path', types.path('configuration'), 'a/b', 'configuration:a/b'],
  ['buffers', types.buffers, '8 4k', { number: 8, size: 4096 }],
  ['buffers', types.buffers, '0 4k', [null, 'error 3 "d" directive invalid value']],
  ['buffers', types.buffers, '4 0', [null, 'error 5 "d" directive invalid value']],
];

for (const [name, type, args, expected] of cases) {
  test(`"${args}" read as ${name}`, () => {
    assert.deepEqual(evaluate(type, args), expected);
  });
}
