// All fuzz targets.

import type { FuzzTarget } from '../target.ts';
import { configurationTargets } from './configuration.ts';
import { connectionTargets } from './connections.ts';
import { derTargets } from './der.ts';
import { httpTargets } from './http.ts';
import { textTargets } from './texts.ts';

export const fuzzTargets: readonly FuzzTarget[] = [
  ...httpTargets,
  ...connectionTargets,
  ...configurationTargets,
  ...textTargets,
  ...derTargets,
];
