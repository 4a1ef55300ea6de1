// The entry of a worker thread with the stub data path.

import { parentPort, workerData } from 'node:worker_threads';
import { stubWorkerParts } from './stub-engine.test-kit.ts';
import type { WorkerData } from './worker-protocol.ts';
import { serveWorker } from './worker-service.ts';

if (parentPort !== null) {
  serveWorker(parentPort, workerData as WorkerData, stubWorkerParts);
}
