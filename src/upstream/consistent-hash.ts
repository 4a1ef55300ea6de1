// `hash KEY consistent`: ketama. Each server has 160 points for each unit of its weight on a circle
// of 2³² places; a key belongs to the first point at or after its own place. When a server leaves,
// only its points go. The points are those of nginx (and of Perl's Cache::Memcached::Fast), so that
// both choose the same server for a key.

import { crcByte, crcEnd, crcStart, crcText } from '../base/crc32.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { BalancerArguments, Tried } from './balancer.ts';
import { Hashed, mostMisses } from './hashed.ts';
import { isUsable, type Peer } from './peer.ts';
import { credit } from './round-robin.ts';

const pointsPerWeight = 160;

/** Host and port are hashed apart: `HOST \0 PORT PREVIOUS`. */
function splitServer(server: string): readonly [host: string, port: string] {
  if (/^unix:/i.test(server)) return [server.slice('unix:'.length), ''];
  const match = /^(.*):([0-9]*)$/s.exec(server);
  return match === null ? [server, ''] : [match[1] ?? '', match[2] ?? ''];
}

function pointsOf(server: string, weight: number): number[] {
  const [host, port] = splitServer(server);
  const base = crcText(crcByte(crcText(crcStart, host), 0), port);
  const points: number[] = [];
  let previous = 0;
  for (let i = 0; i < weight * pointsPerWeight; i += 1) {
    let state = base;
    for (let shift = 0; shift < 32; shift += 8) state = crcByte(state, (previous >>> shift) & 0xff);
    previous = crcEnd(state);
    points.push(previous);
  }
  return points;
}

/** The circle: places in rising order, and to whom each belongs. */
interface Circle {
  readonly places: Uint32Array;
  /** All peers of one `server` line share its points. */
  readonly owners: readonly (readonly Peer[])[];
}

function circleOf(peers: readonly Peer[]): Circle {
  const lines = new Map<string, Peer[]>();
  const points: { place: number; owner: Peer[] }[] = [];
  for (const peer of peers) {
    const owner = lines.get(peer.server) ?? [];
    lines.set(peer.server, owner);
    owner.push(peer);
    for (const place of pointsOf(peer.server, peer.weight)) points.push({ place, owner });
  }
  points.sort((a, b) => a.place - b.place);
  const unique = points.filter(({ place }, i) => place !== points[i - 1]?.place);
  return {
    places: Uint32Array.from(unique, ({ place }) => place),
    owners: unique.map(({ owner }) => owner),
  };
}

export class ConsistentHash extends Hashed {
  readonly #key: Template | null;
  readonly #circle: Circle;

  constructor(peers: readonly Peer[], args: BalancerArguments) {
    super(peers, args);
    this.#key = args.key;
    this.#circle = circleOf(this.primary);
  }

  protected override find(x: Exchange, tried: Tried | null, time: number): Peer | null {
    const key = this.#key?.evaluate(x) ?? '';
    if (key === '') return null;
    const { places, owners } = this.#circle;
    const start = firstAtOrAfter(places, crcEnd(crcText(crcStart, key)));
    for (let step = 0; step <= mostMisses; step += 1) {
      const owner = owners[(start + step) % owners.length] ?? [];
      const peer = chooseOf(owner, tried, time);
      if (peer !== null) return peer;
    }
    return null;
  }
}

/** Round robin among the addresses of one line, as in nginx. */
function chooseOf(owner: readonly Peer[], tried: Tried | null, time: number): Peer | null {
  let best: Peer | null = null;
  let total = 0;
  for (const peer of owner) {
    if (!isUsable(peer, time) || tried?.has(peer) === true) continue;
    total += credit(peer, time);
    if (best === null || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}

function firstAtOrAfter(places: Uint32Array, place: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 0) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
