// The real compiler and data path, for production.

import { compileConfiguration } from '../modules/compile.ts';
import { Engine } from '../server/engine.ts';
import type { EngineParts } from './engine-parts.ts';

export const realParts: EngineParts = {
  compile: compileConfiguration,
  createEngine: (options) => new Engine(options),
};
