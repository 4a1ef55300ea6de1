// The proxy of a soak run, in a process of its own so that its memory is nobody else's. The parent
// sends the configuration, then asks for samples; it ends with the channel.

import { readdirSync } from 'node:fs';
import { createProxy, loadConfig } from '../../src/index.ts';
import type { Proxy } from '../../src/index.ts';

/** What the process holds at one moment. */
export interface Sample {
  /** Bytes of live objects after a full collection, and of buffers outside the heap. */
  readonly heap: number;
  readonly buffers: number;
  readonly rss: number;
  /** Open files and sockets, and what keeps Node's event loop busy. */
  readonly files: number;
  readonly handles: number;
}

/** What the parent sends. */
export type Command =
  { readonly start: { readonly text: string; readonly prefix: string } } | 'reload' | 'sample';

/** What it gets back: a sample, null when done, or what went wrong. */
export type Reply = Sample | null | { readonly error: string };

let proxy: Proxy | null = null;

function sample(): Sample {
  // Buffers of sockets are freed by the second collection after their handles.
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heap: heapUsed,
    buffers: external,
    rss,
    files: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
  };
}

async function obey(command: Command): Promise<Sample | null> {
  if (command === 'sample') return sample();
  if (command === 'reload') {
    await proxy?.reload();
    return null;
  }
  const { text, prefix } = command.start;
  const configuration = await loadConfig({ file: `${prefix}/soak.conf`, text, prefix });
  if (!configuration.ok) {
    throw new Error(configuration.diagnostics.map((finding) => finding.message).join('\n'));
  }
  proxy = createProxy(configuration);
  await proxy.start();
  return null;
}

process.on('message', (command: Command) => {
  obey(command).then(
    (result) => process.send?.(result satisfies Reply),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Reply),
  );
});
process.on('disconnect', () => process.exit(0));
