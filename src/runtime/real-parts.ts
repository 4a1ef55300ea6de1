// The real compiler and data path, for production.

import { WorkerCounters } from '../base/worker-counters.ts';
import { compileConfiguration } from '../modules/compile.ts';
import { Engine } from '../server/engine.ts';
import type { EngineParts } from './engine-parts.ts';

export const realParts: EngineParts = {
  compile: compileConfiguration,
  createEngine: ({ workerId, seat }) => {
    const counters = new WorkerCounters(seat.counters, seat.number);
    return new Engine({ workerId, counters });
  },
};
