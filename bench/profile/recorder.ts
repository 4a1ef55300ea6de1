// Loaded into Sallyport with `--import`: records a CPU profile of each worker thread while a file
// `profile.now` stands in the working folder, and writes `THREAD.cpuprofile` when it is gone.

import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { isMainThread, threadId } from 'node:worker_threads';

const mark = 'profile.now';
const file = `${threadId}.cpuprofile`;
const everyMs = 100;
const sampleUs = 200;

const session = new Session();
let isRecording = false;

async function look(): Promise<void> {
  if (existsSync(mark) === isRecording) return;
  isRecording = !isRecording;
  if (isRecording) {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: sampleUs });
    await session.post('Profiler.start');
    return;
  }
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(`${file}.new`, JSON.stringify(profile));
  renameSync(`${file}.new`, file);
}

if (!isMainThread) {
  session.connect();
  setInterval(() => void look(), everyMs).unref();
}
