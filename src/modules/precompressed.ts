// `gzip_static`, and the same for brotli and zstd: a file that lies compressed beside the one asked for
// is sent in its place.

import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { acceptsCoding } from './accept-encoding.ts';
import type { BuildContext } from './build-context.ts';
import { compressionCondition } from './compression-condition.ts';
import { gzipVary } from './compression.ts';
import { inHttpServerLocation } from './contexts.ts';

type Mode = 'off' | 'on' | 'always';

function staticRow(name: string, suffix: string) {
  return directive<Mode>({
    name: `${name}_static`,
    contexts: inHttpServerLocation,
    args: 1,
    value: choice(['off', 'on', 'always'] as const),
    default: 'off',
    defaultText: 'off',
    help:
      `Whether FILE${suffix} is sent for FILE where it exists and the client takes it; "always" to ` +
      'all clients.',
    example: `${name}_static on;`,
  });
}

const variants = [
  { token: 'br', suffix: '.br', row: staticRow('brotli', '.br') },
  { token: 'zstd', suffix: '.zst', row: staticRow('zstd', '.zst') },
  { token: 'gzip', suffix: '.gz', row: staticRow('gzip', '.gz') },
] as const;

export const precompressedRows = variants.map(({ row }) => row);

/** A form of a file that a client may get. */
export interface Precompressed {
  readonly token: string;
  readonly suffix: string;
  /** Whoever asks gets it. */
  readonly always: boolean;
}

/** What a location's files are looked for as. */
export interface PrecompressedSettings {
  readonly vary: boolean;
  readonly forms: readonly Precompressed[];
  /** Does the client of the request take this form? */
  mayHave(x: Exchange, form: Precompressed): boolean;
}

/** Null where no such directive is on. */
export function precompressedSettings(
  scope: Scope,
  context: BuildContext,
): PrecompressedSettings | null {
  const wanted = variants
    .filter(({ row }) => scope.get(row) !== 'off')
    .map(({ token, suffix, row }) => ({ token, suffix, always: scope.get(row) === 'always' }));
  if (wanted.length === 0) return null;
  const clientMay = compressionCondition(scope, context);
  return {
    vary: scope.get(gzipVary),
    forms: wanted,
    mayHave(x, { token, always }) {
      return (
        always || (acceptsCoding(x.request.fields.get('accept-encoding'), token) && clientMay(x))
      );
    },
  };
}
