// Starts the proxy under test through its public API, in a folder of its own, and stops it.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createProxy, formatDiagnostic, loadConfig, type Proxy } from '../../src/index.ts';
import type { ProxyStarter } from './both.ts';
import { atEnd, type Scope } from './scope.ts';
import { tempFolder } from './temp-folder.ts';

/** A running proxy. */
export interface RunningProxy {
  readonly proxy: Proxy;
  readonly folder: string;
  /** Everything in the error log so far. */
  errorLog(): string;
  /** Everything in `access.log` of the folder so far. */
  accessLog(): string;
  stop(): Promise<void>;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

// Tests write what matters to them; the rest of a complete configuration is added in front, on the
// first line, so that line numbers stay.
function completed(text: string): string {
  const given = (name: string): boolean => new RegExp(`(^|[;{}\\s])${name}\\s`).test(text);
  const main = [
    given('error_log') ? '' : 'error_log error.log info; ',
    given('master_process') ? '' : 'master_process off; ',
    given('events') ? '' : 'events { } ',
  ].join('');
  return main + text;
}

/**
 * @param configText - an nginx configuration. Where it says nothing of them, `master_process off`,
 *   an error log in the folder and an `events` block are added
 */
export async function startProxy(
  configText: string,
  options: { readonly folder?: string; readonly scope?: Scope } = {},
): Promise<RunningProxy> {
  const folder = options.folder ?? tempFolder(options.scope);
  const file = path.join(folder, 'sallyport.conf');
  const loaded = await loadConfig({ file, text: completed(configText), prefix: folder });
  if (!loaded.ok)
    throw new Error(loaded.diagnostics.map((one) => formatDiagnostic(one)).join('\n'));
  const proxy = createProxy(loaded);
  proxy.on('error', () => undefined);
  await proxy.start();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await proxy.close();
  };
  atEnd(options.scope, stop);
  return {
    proxy,
    folder,
    errorLog: () => read(path.join(folder, 'error.log')),
    accessLog: () => read(path.join(folder, 'access.log')),
    stop,
  };
}

/** For `compareWithNginx`. */
export const proxyStarter: ProxyStarter = {
  start: (configText, folder) => startProxy(configText, { folder }),
};
