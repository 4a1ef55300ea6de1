// Samples of `perf script -F comm,ip,sym,dso` as functions with counts. Pure.

import type { Hot } from './stages.ts';

/**
 * @param text - a line a sample: "thread name  address symbol (object)"
 * @param isWanted - by the name of the thread, which the kernel cuts after 15 bytes
 */
export function parseSamples(text: string, isWanted: (thread: string) => boolean): Hot[] {
  const found = new Map<string, Hot>();
  for (const line of text.split('\n')) {
    const parts = /^\s*(.*?)\s+([0-9a-f]{5,}) (.*) \(([^()]*|\[[^\]]*\])\)$/.exec(line);
    if (parts === null || !isWanted(parts[1] ?? '')) continue;
    const { symbol, place } = nameOf(parts[3] ?? '', parts[4] ?? '');
    const key = `${symbol} ${place}`;
    found.set(key, { symbol, place, samples: (found.get(key)?.samples ?? 0) + 1 });
  }
  return [...found.values()].sort((a, b) => b.samples - a.samples);
}

// V8 writes "JS:*name file:///path:line:column"; the marks before the name are the tier.
function nameOf(symbol: string, object: string): { symbol: string; place: string } {
  const script =
    /^(?:JS|LazyCompile|Function|Script|Eval):o?[*~^+]?'?(\S*) (?:file:\/\/)?(\S+?)(?::\d+){0,2}$/.exec(
      symbol,
    );
  if (script === null) return { symbol, place: object };
  return { symbol: script[1] === '' ? '(anonymous)' : (script[1] ?? ''), place: script[2] ?? '' };
}
