// Variables whose value depends on settings of the location at hand (`$invalid_referer`): the feature
// leaves a getter with each location, and the variable asks the one that the request is in.

import type { Getter, VariableRow } from '../exchange/variable.ts';
import { variable } from '../exchange/variable.ts';
import { locationOf } from '../server/phases.ts';
import type { LocationBuild } from './module.ts';

/** The row of a variable, and how a location gets its getter. */
export interface LocationVariable {
  readonly row: VariableRow;
  put(build: LocationBuild, get: Getter): void;
}

export function locationVariable(name: string, help: string): LocationVariable {
  const key = Symbol(name);
  return {
    row: variable(name, help, (x) => {
      // In a TLS handshake there is neither a location nor a server that one could stand for.
      if (x.location === null && !('outside' in x.server)) return null;
      return locationOf(x).values.get(key)?.(x) ?? null;
    }),
    put(build, get) {
      build.values.set(key, get);
    },
  };
}
