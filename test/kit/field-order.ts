// The order of field lines, which normalising hides: names as they came on the wire.

import type { Observed } from './both.ts';

/** Names of all answers' and of all recorded requests' field lines, case and order kept. */
export function headerNamesInOrder(observed: Observed): readonly (readonly string[])[] {
  const received = Object.values(observed.rawReceived).flat();
  return [...received, ...observed.rawAnswers].map((one) => one.headers.map(([name]) => name));
}
