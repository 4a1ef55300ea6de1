// A reporter for node's test runner: the files in which a test failed, one on a line. With it
// `npm test` knows what to run once more.

/** @param {AsyncIterable<{ type: string, data: { file?: string } }>} source - the runner's events */
export default async function* failedFiles(source) {
  const seen = new Set();
  for await (const { type, data } of source) {
    if (type !== 'test:fail' || data.file === undefined || seen.has(data.file)) continue;
    seen.add(data.file);
    yield `${data.file}\n`;
  }
}
