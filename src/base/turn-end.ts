// What is done at the end of the event loop's turn, when all sockets that were ready have been read:
//
//   requests on pooled connections leave then, so that what a server sent unasked, or that it has
//   closed, is seen first;
//   small answers leave then, so that their clients are woken once for several of them.
//
// Both also cost less where the proxy is busy. Where it is not, a turn is one event long.

/** Who has something to do at the end of the turn. */
export interface TurnEnd {
  /** Must not throw. */
  onTurnEnd(): void;
}

let waiting: TurnEnd[] = [];

/** Calls `onTurnEnd` once at the end of this turn, in the order of the calls. */
export function atTurnEnd(one: TurnEnd): void {
  if (waiting.length === 0) setImmediate(endTurn);
  waiting.push(one);
}

function endTurn(): void {
  const due = waiting;
  waiting = [];
  for (const one of due) one.onTurnEnd();
}
