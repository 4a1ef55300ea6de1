// `open_log_file_cache`: how long logs whose names come out of variables stay open.

import { parseSeconds } from '../base/duration.ts';
import { parseNumber } from '../config/value-types.ts';
import { directive, type ValueType } from '../config/row.ts';
import { LogFileCache, type LogFileCacheSettings } from '../log/log-file-cache.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';

/** `settings` null: off. */
interface OpenLogFileCache {
  readonly settings: LogFileCacheSettings | null;
}

function seconds(text: string): number | null {
  const value = parseSeconds(text);
  return value === null ? null : value * 1000;
}

const readers: Readonly<Record<string, (text: string) => number | null>> = {
  max: parseNumber,
  inactive: seconds,
  min_uses: parseNumber,
  valid: seconds,
};

const cacheValue: ValueType<OpenLogFileCache> = {
  expects: '"off", or max= with inactive=, min_uses=, valid=',
  parse(node, help) {
    const given = new Map<string, number>();
    let off = false;
    for (const argument of node.args) {
      if (argument.text === 'off') {
        off = true;
        continue;
      }
      const [, name = '', text = ''] = /^(\w+)=(.*)$/.exec(argument.text) ?? [];
      const value = readers[name]?.(text) ?? null;
      if (value === null) {
        help.error(argument.at, `invalid "open_log_file_cache" parameter "${argument.text}"`);
        return null;
      }
      given.set(name, value);
    }
    if (off) return { settings: null };
    const max = given.get('max') ?? 0;
    if (max === 0) {
      help.error(node.at, '"open_log_file_cache" must have "max" parameter');
      return null;
    }
    return {
      settings: {
        max,
        inactive: given.get('inactive') ?? 10_000,
        minUses: given.get('min_uses') ?? 1,
        valid: given.get('valid') ?? 60_000,
      },
    };
  },
};

export const openLogFileCache = directive<OpenLogFileCache>({
  name: 'open_log_file_cache',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 4 },
  value: cacheValue,
  default: { settings: null },
  defaultText: 'off',
  help:
    'Keeps up to max= logs open whose names have variables in them: each until it got no line for ' +
    'inactive= (10s), if it got min_uses= (1) lines, and looks every valid= (60s) whether the name ' +
    'still leads to it.',
  differs:
    'without it a log is opened for each batch of lines (a tenth of a second), not for each line; ' +
    'each worker has its own cache',
  example: 'open_log_file_cache max=1000 inactive=20s valid=1m min_uses=2;',
});

const made = new WeakMap<BuildContext, Map<OpenLogFileCache, LogFileCache>>();

/** The cache of a directive, for all locations that inherit it. */
export function logFileCacheOf(setting: OpenLogFileCache, context: BuildContext): LogFileCache {
  const known = made.get(context) ?? new Map<OpenLogFileCache, LogFileCache>();
  made.set(context, known);
  const found = known.get(setting);
  if (found !== undefined) return found;
  const cache = new LogFileCache(setting.settings, context.logFiles.complaint());
  known.set(setting, cache);
  context.logFiles.addCache(cache);
  context.disposers.push(() => context.logFiles.removeCache(cache));
  return cache;
}
