import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignDirectives } from './nginx-directives.ts';

test('every entry has a module, contexts and a number of arguments', () => {
  const contexts =
    /^(main|events|http|upstream|server|location|if-in-server|if-in-location|limit_except|stream|stream-server|stream-upstream)$/;
  for (const [name, entries] of foreignDirectives) {
    assert.match(name, /^[a-z0-9_]+$/);
    for (const entry of entries) {
      assert.match(entry.module, /^(core functionality|ngx_[a-z0-9_]+_module)$/, name);
      assert.match(entry.args ?? '', /^(block )?\d+(\+|-\d+)?$/, name);
      assert.ok(entry.contexts.length > 0, name);
      for (const context of entry.contexts) assert.match(context, contexts, name);
    }
  }
});

test('no two entries of a name share a context', () => {
  for (const [name, entries] of foreignDirectives) {
    const contexts = entries.flatMap((entry) => entry.contexts);
    assert.equal(new Set(contexts).size, contexts.length, name);
  }
});

test('directives with one name in several modules are told apart by context', () => {
  const modules = foreignDirectives.get('server')?.map((entry) => entry.module);
  assert.deepEqual(modules?.sort(), [
    'ngx_http_core_module',
    'ngx_http_upstream_module',
    'ngx_stream_core_module',
    'ngx_stream_upstream_module',
  ]);
});
