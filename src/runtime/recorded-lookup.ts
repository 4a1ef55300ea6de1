// Host names are resolved once, by the supervisor; workers get the recorded answers, so that all of
// them balance over the same servers even where DNS answers differently each time.

import type { HostLookup } from '../upstream/resolve.ts';

/** What a lookup gave: addresses, or why there are none. */
export type RecordedAnswer =
  | { readonly addresses: readonly string[] }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };

/** By host name. Can be sent to a worker thread. */
export type RecordedAnswers = ReadonlyMap<string, RecordedAnswer>;

/** Asks `inner` once for each name and writes the answers to `answers`. */
export function recordLookup(inner: HostLookup, answers: Map<string, RecordedAnswer>): HostLookup {
  const asked = new Map<string, Promise<readonly string[]>>();
  return (host) => {
    let answer = asked.get(host);
    if (answer === undefined) {
      answer = askOnce(inner, host, answers);
      asked.set(host, answer);
    }
    return answer;
  };
}

async function askOnce(
  inner: HostLookup,
  host: string,
  answers: Map<string, RecordedAnswer>,
): Promise<readonly string[]> {
  try {
    const addresses = [...(await inner(host))];
    answers.set(host, { addresses });
    return addresses;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    answers.set(host, { failure: { message, code } });
    throw error;
  }
}

/** Answers from a record alone: a name that is not in it fails. */
export function replayLookup(answers: RecordedAnswers): HostLookup {
  return (host) => {
    const answer = answers.get(host);
    if (answer !== undefined && 'addresses' in answer) return Promise.resolve(answer.addresses);
    const message = answer?.failure.message ?? `"${host}" was not resolved when it was recorded`;
    return Promise.reject(Object.assign(new Error(message), { code: answer?.failure.code }));
  };
}
