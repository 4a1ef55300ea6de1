// What the client has a say in, through `set`, `map`, captures and checks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTextSource } from './sources.ts';
import { Taint } from './taint.ts';
import { buildTree, type Level } from './tree.ts';
import { Definitions, expansions } from './variables.ts';

interface Read {
  readonly root: Level;
  readonly definitions: Definitions;
  /** The location with this path. */
  readonly at: (path: string) => Level;
}

function read(text: string): Read {
  const root = buildTree(readTextSource(text, 'nginx.conf').nodes);
  const at = (path: string): Level => {
    const found = [...root.walk()].find(({ node }) => node?.args.at(-1)?.text === path);
    assert.ok(found !== undefined, path);
    return found;
  };
  return { root, definitions: new Definitions(root), at };
}

function sources(text: string, path: string, value: string): readonly string[] {
  const { definitions, at } = read(text);
  return new Taint(definitions).flowsOf(value, at(path)).map(({ from }) => from);
}

test('fields, arguments and paths are the client’s; addresses and names of servers are not', () => {
  const text = 'server { location / { } }';
  const value = '$http_x $arg_y $cookie_z $request_uri $remote_addr $server_name $upstream_addr';
  assert.deepEqual(sources(text, '/', value), ['$http_x', '$arg_y', '$cookie_z', '$request_uri']);
});

test('it goes through set, and ends where set is last given a text', () => {
  const text = `server {
    set $a $arg_a;
    location /one { set $b x$a; }
    location /two { set $a fixed; }
  }`;
  assert.deepEqual(sources(text, '/one', '$b'), ['$arg_a']);
  assert.deepEqual(sources(text, '/two', '$a'), []);
});

test('a map of fixed values cleans, one that repeats its key does not', () => {
  const text = `map $host $fixed { default a; b c; }
  map $host $same { default $host; }
  map $http_x $part { ~^(?<inner>[a-z]+)$ $inner; }
  server { location / { } }`;
  assert.deepEqual(sources(text, '/', '$fixed'), []);
  assert.deepEqual(sources(text, '/', '$same'), ['$host']);
  assert.deepEqual(sources(text, '/', '$part'), ['$inner']);
});

test('what is checked by an anchored expression is clean', () => {
  const guarded = (expression: string): string =>
    `server { if ($arg_a !~ ${expression}) { return 403; } location / { } }`;
  assert.deepEqual(sources(guarded('^(a|b)$'), '/', '$arg_a'), []);
  assert.deepEqual(sources(guarded('(a|b)'), '/', '$arg_a'), ['$arg_a']);
});

test('variables that refer to each other come to an end', () => {
  const text = 'server { set $a $b; set $b $a; location / { set $c $c; } }';
  assert.deepEqual(sources(text, '/', '$a$b$c'), []);
  const { definitions, at } = read(text);
  assert.ok(expansions(definitions, at('/'), '$a').length > 0);
});

test('texts become all that set and map can make of them', () => {
  const { definitions, at } = read(`map $host $to { default one; a two; }
  server { set $port 80; if ($arg_x) { set $port 81; } location / { } }`);
  assert.deepEqual(
    [...expansions(definitions, at('/'), 'http://$to:$port/$args')].sort(),
    [
      'http://one:80/$args',
      'http://one:81/$args',
      'http://two:80/$args',
      'http://two:81/$args',
    ].sort(),
  );
});
