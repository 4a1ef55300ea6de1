// What may grow: one row a kind. Pure.

import { nothingBeside, plainSmall } from '../workloads.ts';
import type { Beside, Workload } from '../workloads.ts';

export interface GrowthKind {
  readonly name: string;
  readonly help: string;
  readonly counts: readonly number[];
  /** What stands in the configuration for a count; null where nothing does. */
  readonly beside: ((count: number) => Partial<Beside>) | null;
  /** So many idle connections are held. */
  readonly idle: boolean;
  /** So many connections are busy. */
  readonly busy: boolean;
}

const powers = [1, 100, 10_000] as const;
const configured = { counts: powers, idle: false, busy: false } as const;

export const growthKinds: readonly GrowthKind[] = [
  {
    ...configured,
    name: 'locations',
    help: 'prefix locations beside the one that answers',
    beside: (locations) => ({ locations }),
  },
  {
    ...configured,
    name: 'server-names',
    help: 'virtual servers on the same port',
    beside: (serverNames) => ({ serverNames }),
  },
  {
    ...configured,
    name: 'map-entries',
    help: 'entries of a map that every request is looked up in',
    beside: (mapEntries) => ({ mapEntries }),
  },
  {
    ...configured,
    name: 'upstream-servers',
    help: 'server lines of the upstream group',
    beside: (upstreamServers) => ({ upstreamServers }),
  },
  {
    ...configured,
    name: 'idle-connections',
    help: 'idle client connections',
    beside: null,
    idle: true,
  },
  {
    name: 'busy-connections',
    help: 'busy client connections',
    counts: [1, 8, 64, 512],
    beside: null,
    idle: false,
    busy: true,
  },
];

/** The small plain request under the circumstances of a step. */
export function stepWorkload(kind: GrowthKind, count: number): Workload {
  const beside = kind.beside === null ? null : { ...nothingBeside, ...kind.beside(count) };
  const mapEntries = beside?.mapEntries ?? 0;
  return {
    ...plainSmall,
    name: `growth-${kind.name}-${count}`,
    help: kind.help,
    // The last entry is the one that is looked up.
    path: mapEntries > 0 ? `/small?key=key-${mapEntries - 1}` : plainSmall.path,
    connections: kind.busy ? count : plainSmall.connections,
    beside,
  };
}
