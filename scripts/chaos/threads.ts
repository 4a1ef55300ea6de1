// Talks to the threads of the proxy by the doors that inside.ts opens.

import { readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/** What a thread holds after a full collection, in bytes. */
export interface Held {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** What keeps its event loop busy. */
  readonly handles: number;
}

/** How a worker can be made to die. */
export const deaths = ['throw', 'exit', 'reject'] as const;

/** Sends a command to a thread. @returns its reply, null where there is no such thread any more */
function tell(socketPath: string, command: string): Promise<string | null> {
  return new Promise((resolve) => {
    let reply = '';
    let open = false;
    const socket = connect(socketPath, () => {
      open = true;
      socket.write(command);
    });
    socket.on('data', (chunk: Buffer) => (reply += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(open ? reply : null));
  });
}

/** The threads of one proxy. */
export class Threads {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  #doors(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.sock'))
      .map((name) => join(this.folder, name));
  }

  get workers(): readonly string[] {
    return this.#doors().filter((path) => !path.endsWith('main.sock'));
  }

  /** Resolves when the thread is gone. False: it was gone before. */
  async kill(worker: string, how: (typeof deaths)[number]): Promise<boolean> {
    const reply = await tell(worker, how);
    rmSync(worker, { force: true });
    return reply !== null;
  }

  /** Of all threads, the main one last. */
  async held(): Promise<Held[]> {
    const found: Held[] = [];
    for (const door of [...this.workers, join(this.folder, 'main.sock')]) {
      const reply = await tell(door, 'held');
      if (reply === null) rmSync(door, { force: true });
      else if (reply !== '') found.push(JSON.parse(reply) as Held);
    }
    return found;
  }
}
