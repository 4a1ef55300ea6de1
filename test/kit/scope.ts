// Who cleans up: everything that the kit starts registers its end with a scope. A test passes its
// own context `t`; without one it lasts until all tests of the file are done. The last that was
// started ends first, so that a server is gone before the folder that it writes into.

import { after } from 'node:test';

type End = () => void | Promise<void>;

/** What `node:test` hands to a test function, as far as the kit needs it. */
export interface Scope {
  after(fn: End): void;
}

const wholeFile: Scope = { after };
const stacks = new WeakMap<Scope, End[]>();

/** Runs `end` when the test that owns `scope` is over; without a scope, after the whole file. */
export function atEnd(scope: Scope | undefined, end: End): void {
  const owner = scope ?? wholeFile;
  const stack = stacks.get(owner);
  if (stack !== undefined) {
    stack.push(end);
    return;
  }
  const ends = [end];
  stacks.set(owner, ends);
  owner.after(async () => {
    stacks.delete(owner);
    for (const next of ends.reverse()) await next();
  });
}
