// The version, from package.json: beside `src` as well as beside `dist`.

import { readFileSync } from 'node:fs';

const manifest = new URL('../../package.json', import.meta.url);

/** The version of this package, e.g. `0.1.0`. */
export const version: string = (
  JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
).version;
