// The places of workers in memory that all of them share. When a worker has ended, in whatever way,
// what it held there is given back before its place is given away again.

import { SallyportError } from '../base/errors.ts';
import { mostWorkers, WorkerCounters } from '../base/worker-counters.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import {
  forgetWorker,
  peersKind,
  type SharedZone,
  type SharedZones,
} from '../modules/shared-zones.ts';
import type { BannerLine } from './banner.ts';

/** All places of one proxy. */
export class WorkerSeats {
  readonly #counters = WorkerCounters.create();
  readonly #overview = new WorkerCounters(this.#counters, 0);
  readonly #taken = new Set<number>();

  /** @throws SallyportError INTERNAL where thousands of workers have not ended */
  take(): WorkerSeat {
    let number = 1;
    while (this.#taken.has(number)) number += 1;
    if (number >= mostWorkers) throw new SallyportError('INTERNAL', 'too many workers');
    this.#taken.add(number);
    this.#overview.reserve(number);
    return { number, counters: this.#counters };
  }

  /**
   * The worker of a place has ended.
   *
   * @param zones - that it may have had something in
   */
  free({ number }: WorkerSeat, zones: SharedZones): void {
    if (!this.#taken.has(number)) return;
    for (const zone of zones.values()) forgetWorker(zone, number);
    this.#overview.forget(number);
    this.#taken.delete(number);
  }
}

function keyChange(before: SharedZone, zone: SharedZone): string {
  if (zone.kind === peersKind) return 'the groups in it have changed';
  return `its key was "${before.key}" and is "${zone.key}"`;
}

/** What a reload says of zones that begin anew because they have changed. */
export function zoneLines(old: SharedZones, fresh: SharedZones): readonly BannerLine[] {
  const lines: BannerLine[] = [];
  for (const [name, zone] of fresh) {
    const before = old.get(name);
    if (before === undefined || before.buffer === zone.buffer) continue;
    const reasons = [
      before.kind === zone.kind ? [] : [`it is one of "${zone.kind}" now`],
      before.bytes === zone.bytes ? [] : [`its size was ${before.bytes} and is ${zone.bytes}`],
      before.key === zone.key ? [] : [keyChange(before, zone)],
    ].flat();
    const text = `the shared memory zone "${name}" begins anew: ${reasons.join(', ')}`;
    lines.push({ level: 'notice', text });
  }
  return lines;
}
