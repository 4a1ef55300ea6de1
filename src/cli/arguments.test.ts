// Compared with nginx 1.22: each row says what it does with the same arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments, type Flags } from './arguments.ts';

const read: readonly (readonly [args: string, expected: Partial<Flags>])[] = [
  ['', {}],
  ['-', {}],
  ['-?', { help: true }],
  ['-h', { help: true }],
  ['-v', { version: true }],
  ['-V', { buildInfo: true }],
  ['-t', { test: true }],
  ['-T', { test: true, dump: true }],
  ['-tq', { test: true, quiet: true }],
  ['-q -t', { test: true, quiet: true }],
  ['-c a.conf', { file: 'a.conf' }],
  ['-ca.conf', { file: 'a.conf' }],
  ['-tca.conf', { test: true, file: 'a.conf' }],
  ['-tqc a.conf -p /p', { test: true, quiet: true, file: 'a.conf', prefix: '/p' }],
  ['-c -t', { file: '-t' }],
  ['-e a.log', { errorLog: 'a.log' }],
  ['-gdaemon', { prelude: 'daemon' }],
  ['-s stop', { signal: 'stop' }],
  ['-squit', { signal: 'quit' }],
  ['-s reopen', { signal: 'reopen' }],
  ['-s reload', { signal: 'reload' }],
  ['-c a -c b', { file: 'b' }],
  ['--foreground -t', { foreground: true, test: true }],
  ['--help', { help: true }],
];

const refused: readonly (readonly [args: string, problem: string])[] = [
  ['-x', 'invalid option: "x"'],
  ['-vx', 'invalid option: "x"'],
  ['--', 'invalid option: "-"'],
  ['--unknown', 'invalid option: "-"'],
  ['-t foo', 'invalid option: "foo"'],
  ['-s foo', 'invalid option: "-s foo"'],
  ['-sfoo', 'invalid option: "-s foo"'],
  ['-s', 'option "-s" requires parameter'],
  ['-g', 'option "-g" requires parameter'],
  ['-p', 'option "-p" requires directory name'],
  ['-c', 'option "-c" requires file name'],
  ['-e', 'option "-e" requires file name'],
  ['-vc', 'option "-c" requires file name'],
];

function split(args: string): readonly string[] {
  return args === '' ? [] : args.split(' ');
}

const { flags: none } = parseArguments([]);

for (const [args, expected] of read) {
  test(`"${args}" is read`, () => {
    assert.deepEqual(parseArguments(split(args)), {
      flags: { ...none, ...expected },
      problem: null,
    });
  });
}

for (const [args, problem] of refused) {
  test(`"${args}" is refused in the words of nginx`, () => {
    assert.deepEqual(parseArguments(split(args)), { flags: null, problem });
  });
}
