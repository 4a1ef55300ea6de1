// One configuration checked by nginx and by the proxy under test: do both take it, or say the same
// words on the same line?

import { join } from 'node:path';
import { loadConfig } from '../../src/index.ts';
import { checkConfig } from './nginx.ts';

interface Verdict {
  readonly message: string;
  /** 0 where none is named. */
  readonly line: number;
}

function nginxVerdict(text: string, folder: string): Verdict | null {
  const { messages } = checkConfig(text, { folder });
  const first = messages.find((one) => one.startsWith('[emerg] '));
  if (first === undefined) return null;
  const match = /^\[emerg\] (.*?)(?: in nginx\.conf:(\d+))?$/s.exec(first);
  return { message: match?.[1] ?? '', line: Number(match?.[2] ?? 0) };
}

async function ownVerdicts(text: string, folder: string): Promise<readonly Verdict[]> {
  const file = join(folder, 'nginx.conf');
  const loaded = await loadConfig({ file, text, prefix: folder });
  return loaded.diagnostics
    .filter((one) => one.severity === 'error')
    .map(({ message, at }) => ({
      message: message.replaceAll(`${folder}/`, ''),
      line: at?.line ?? 0,
    }));
}

/**
 * Null where both agree, else what each says. Where nginx names one error, ours may be one of
 * several.
 *
 * @param folder - the prefix of both
 */
export async function disagreement(text: string, folder: string): Promise<string | null> {
  const theirs = nginxVerdict(text, folder);
  const ours = await ownVerdicts(text, folder);
  const agrees =
    theirs === null
      ? ours.length === 0
      : ours.some(
          ({ message, line }) =>
            message === theirs.message && (theirs.line === 0 || line === theirs.line),
        );
  if (agrees) return null;
  const shown = ours.map(({ message, line }) => `${message} :${line}`).join(' | ');
  return `nginx: ${theirs?.message ?? 'ok'} :${theirs?.line ?? 0}\n  we: ${shown || 'ok'}`;
}
