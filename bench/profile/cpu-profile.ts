// A `.cpuprofile` of V8 as functions with their own time. Pure.

import type { Hot } from './stages.ts';

/** The part of the format that is used here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
  }[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
}

// Idle time, and the recorder itself.
function isForeign({ functionName, url }: Frame): boolean {
  return functionName === '(idle)' || url === 'node:inspector';
}

/** Own time in microseconds of each function, most first. */
export function ownTimes({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Hot[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const found = new Map<string, Hot>();
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || isForeign(frame)) continue;
    const symbol = frame.functionName === '' ? '(anonymous)' : frame.functionName;
    const place = frame.url.replace('file://', '');
    const key = `${symbol} ${place}`;
    const sum = (found.get(key)?.samples ?? 0) + (timeDeltas[i] ?? 0);
    found.set(key, { symbol, place, samples: sum });
  }
  return [...found.values()].sort((a, b) => b.samples - a.samples);
}
