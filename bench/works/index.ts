// All works, in the order of the result table.

import type { Work } from '../work.ts';
import { plainSmall, tlsSmall, workloads } from '../workloads.ts';
import { idleConnections } from './idle-connections.ts';
import { latencyWork } from './latency.ts';
import { loadWork } from './load.ts';
import { memory } from './memory.ts';
import { startUp } from './start-up.ts';
import { twoWorkers } from './two-workers.ts';

export const works: readonly Work[] = [
  ...workloads.map(loadWork),
  idleConnections,
  latencyWork('latency', plainSmall),
  latencyWork('latency-tls', tlsSmall),
  twoWorkers,
  startUp,
  memory,
];
