// The entry of a worker thread. Nothing else imports this file.

import { parentPort, workerData } from 'node:worker_threads';
import { realParts } from './real-parts.ts';
import type { WorkerData } from './worker-protocol.ts';
import { serveWorker } from './worker-service.ts';

if (parentPort !== null) {
  serveWorker(parentPort, workerData as WorkerData, realParts);
}
