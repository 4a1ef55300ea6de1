import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration } from '../config/check.ts';
import { Diagnostics } from '../config/diagnostic.ts';
import { parseConfiguration } from '../config/parser.ts';
import { TextSources } from '../config/source.ts';
import { foreignDirectives } from './nginx-directives.ts';
import { withoutEffectRows } from './without-effect.ts';

function messages(text: string): string[] {
  const diagnostics = new Diagnostics();
  const sources = new TextSources(new Map());
  const { nodes } = parseConfiguration({ file: '/f', text, sources, diagnostics });
  const options = { rows: withoutEffectRows, foreign: foreignDirectives, diagnostics };
  checkConfiguration(nodes, { ...options, prefix: '/', configFolder: '/' });
  return diagnostics.list.map((found) => found.message);
}

test('each is a directive of nginx, with its contexts and a reason', () => {
  for (const row of withoutEffectRows) {
    const known = foreignDirectives.get(row.name)?.flatMap((entry) => entry.contexts) ?? [];
    for (const context of row.contexts)
      assert.ok(known.includes(context), `${row.name} ${context}`);
    assert.match(row.withoutEffect ?? '', /^[A-Z].*\.$/, row.name);
  }
});

test('each takes as many arguments as in nginx', () => {
  for (const row of withoutEffectRows) {
    const entry = foreignDirectives
      .get(row.name)
      ?.find(({ contexts }) => row.contexts.some((context) => contexts.includes(context)));
    const { min, max } = row.args;
    const text = max === Infinity ? `${min}+` : min === max ? `${min}` : `${min}-${max}`;
    assert.equal(text, entry?.args, row.name);
  }
});

test('they are accepted', () => {
  assert.deepEqual(messages('pcre_jit on; worker_cpu_affinity auto; timer_resolution 100ms;'), []);
});

test('processors named for a worker are refused, since workers would run elsewhere too', () => {
  assert.deepEqual(messages('worker_cpu_affinity 0001 0010;'), [
    '"worker_cpu_affinity" with a mask is not supported',
  ]);
});
