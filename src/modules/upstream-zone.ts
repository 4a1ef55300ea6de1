// `zone`: the state of a group's servers in memory that all workers share. Several groups may be in
// one zone; its size needs to be given once.

import { parseSize } from '../base/size.ts';
import type { Position } from '../config/node.ts';
import { directive } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import type { PeerZone } from '../upstream/peer-zone.ts';
import type { BuildContext } from './build-context.ts';
import { inUpstream } from './contexts.ts';

/** As given; null: no size. */
export interface ZoneLine {
  readonly name: string;
  readonly bytes: number | null;
  readonly at: Position;
}

/** Eight pages, as in nginx. */
const leastBytes = 8 * 4096;

export const zone = directive<ZoneLine | null>({
  name: 'zone',
  contexts: inUpstream,
  args: { min: 1, max: 2 },
  value: custom('a name, and a size such as 64k', (node, help) => {
    const [first, second] = node.args;
    const name = first?.text ?? '';
    if (name === '') {
      help.error(first?.at ?? node.at, 'invalid zone name ""');
      return null;
    }
    const at = node.at;
    if (second === undefined) return { name, bytes: null, at };
    const bytes = parseSize(second.text);
    if (bytes === null) {
      help.error(second.at, `invalid zone size "${second.text}"`);
      return null;
    }
    if (bytes < leastBytes) {
      help.error(second.at, `zone "${name}" is too small`, 'it takes at least 32k');
      return null;
    }
    return { name, bytes, at };
  }),
  default: null,
  help:
    'Memory in which the workers share what they know of the servers: weights, failures, ' +
    'requests under way (so that max_conns holds for all workers together), times. A server takes ' +
    '256 bytes of the size.',
  example: 'zone backend 64k;',
});

/** One group that is in a zone. */
export interface ZoneUser {
  readonly line: ZoneLine;
  /** Of the group, with all that its servers are. */
  readonly definition: string;
  readonly servers: number;
}

/** Defines the zones of all groups. Zones with errors are not among them. */
export function defineZones(
  users: readonly ZoneUser[],
  context: BuildContext,
): ReadonlyMap<string, PeerZone> {
  const zones = new Map<string, PeerZone>();
  const sizes = zoneSizes(
    users.map(({ line }) => line),
    context,
  );
  for (const [name, bytes] of sizes) {
    const own = users.filter(({ line }) => line.name === name);
    const at = own[0]?.line.at;
    if (at === undefined) continue;
    if (bytes === null) {
      context.error(at, `zero size shared memory zone "${name}"`);
      continue;
    }
    const key = own.map(({ definition }) => definition).join(' ');
    const memory = context.zones.definePeers(name, { bytes, key }, at);
    if (memory === null) continue;
    const servers = own.reduce((sum, user) => sum + user.servers, 0);
    if (servers > memory.capacity) {
      context.error(at, `zone "${name}" is too small for ${servers} servers`);
    }
    zones.set(name, memory);
  }
  return zones;
}

/** Sizes by name; null: none of the lines gives it. */
export function zoneSizes(
  lines: readonly ZoneLine[],
  context: BuildContext,
): ReadonlyMap<string, number | null> {
  const sizes = new Map<string, number | null>();
  for (const { name, bytes, at } of lines) {
    const known = sizes.get(name) ?? null;
    if (known !== null && bytes !== null && known !== bytes) {
      const message =
        `the size ${bytes} of shared memory zone "${name}" conflicts with already declared ` +
        `size ${known}`;
      context.error(at, message);
    }
    sizes.set(name, known ?? bytes);
  }
  return sizes;
}
