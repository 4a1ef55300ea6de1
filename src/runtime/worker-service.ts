// The worker thread's side of the protocol: takes requests from the port in their order and answers
// each. An uncaught error is left to kill the thread, after the engine has flushed its logs.

import type { MessagePort } from 'node:worker_threads';
import { EngineRunner } from './engine-runner.ts';
import type { EngineParts } from './engine-parts.ts';
import {
  toFailure,
  type Ask,
  type Report,
  type Request,
  type WorkerData,
} from './worker-protocol.ts';

/**
 * Serves a supervisor until it terminates the thread.
 *
 * @param port - the thread's `parentPort`
 */
export function serveWorker(port: MessagePort, worker: WorkerData, parts: EngineParts): void {
  const report = (message: Report): void => port.postMessage(message);
  const onError = (error: Error): void => report({ kind: 'error', failure: toFailure(error) });
  const runner = new EngineRunner(parts, { ...worker, onError });
  process.on('uncaughtExceptionMonitor', () => runner.closeNow());
  port.on('message', (request: Request) => {
    answer(runner, request.ask).then(
      () => report({ kind: 'reply', id: request.id, failure: null }),
      (error: unknown) => {
        report({ kind: 'reply', id: request.id, failure: toFailure(error) });
      },
    );
  });
}

async function answer(runner: EngineRunner, ask: Ask): Promise<void> {
  switch (ask.kind) {
    case 'prepare':
      return await runner.prepare(ask.job);
    case 'commit':
      return await runner.commit();
    case 'abandon':
      return await runner.abandon();
    case 'listen':
      return await runner.listen(ask.listeners, ask.closed);
    case 'drain':
      return await runner.drain(ask.timeoutMs);
    case 'close':
      return await runner.close();
    case 'reopen':
      return runner.reopenLogs();
    case 'ping':
      return;
  }
}
