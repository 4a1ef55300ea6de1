// The zones of `limit_req` and `limit_conn`: defined once in a configuration, found by name by the
// locations that limit with them.

import type { SharedTable } from '../base/shared-table.ts';
import type { Argument, Position } from '../config/node.ts';
import { constantTemplate, type Template } from '../exchange/template.ts';
import type { BuildContext } from './build-context.ts';
import type { ZoneText } from './limit-rows.ts';

/** A line that defines a zone. */
export interface LimitZoneLine {
  readonly key: Argument;
  readonly zone: ZoneText;
}

/** A line that limits by one. */
export interface LimitLine {
  readonly zone: string;
  readonly at: Position;
}

interface Defined<Zone> {
  readonly zone: Zone;
  key: Template;
}

/** What a line that limits uses. */
export interface UsedZone<Zone, Line> {
  readonly zone: Zone;
  readonly key: Template;
  readonly line: Line;
}

/** The zones of one kind. */
export class LimitZones<Zone> {
  readonly #directive: string;
  // By build: what a location finds when it is built.
  readonly #ofBuilds = new WeakMap<BuildContext, Map<string, Defined<Zone>>>();

  /** @param directive - that limits: "limit_req" */
  constructor(directive: string) {
    this.#directive = directive;
  }

  /**
   * Takes the memory of the zones of a configuration.
   *
   * @returns what compiles their keys, to be called when all variables are known
   */
  define<Line extends LimitZoneLine>(
    context: BuildContext,
    lines: readonly Line[],
    create: (line: Line, table: SharedTable) => Zone,
  ): () => void {
    const zones = this.#ofBuilds.get(context) ?? new Map<string, Defined<Zone>>();
    this.#ofBuilds.set(context, zones);
    const keys: (() => void)[] = [];
    for (const line of lines) {
      const { key } = line;
      const { name, bytes, at } = line.zone;
      const identity = { kind: `${this.#directive}_zone`, bytes, key: key.text };
      const table = context.zones.define(name, identity, at);
      if (table === null) continue;
      const defined: Defined<Zone> = { zone: create(line, table), key: constantTemplate('', '') };
      zones.set(name, defined);
      keys.push(() => {
        defined.key = context.template(key);
      });
    }
    return () => {
      for (const compileKey of keys) compileKey();
    };
  }

  /** Finds what the lines of a location use. Zones that are missing or named twice are reported. */
  used<Line extends LimitLine>(
    context: BuildContext,
    lines: readonly Line[],
  ): UsedZone<Zone, Line>[] {
    const used: UsedZone<Zone, Line>[] = [];
    for (const line of lines) {
      const defined = this.#ofBuilds.get(context)?.get(line.zone);
      if (defined === undefined) {
        context.zones.reportMissing(line.zone, line.at);
      } else if (used.some(({ zone }) => zone === defined.zone)) {
        context.reportOnce('error', line.at, `"${this.#directive}" directive is duplicate`);
      } else {
        used.push({ zone: defined.zone, key: defined.key, line });
      }
    }
    return used;
  }
}
