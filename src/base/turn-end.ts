// What is done at the end of the event loop's turn, when all sockets that were ready have been read:
//
//   small answers leave then, so that their clients are woken once for several of them;
//   requests on pooled connections leave then, so that what a server sent unasked, or that it has
//   closed, is seen first.
//
// Both also cost less where the proxy is busy, and all answers before all requests less than a
// mixture. Where it is not busy, a turn is one event long.

/** Who has something to do at the end of the turn. */
export interface TurnEnd {
  /** Must not throw. */
  onTurnEnd(): void;
}

let answers: TurnEnd[] = [];
let requests: TurnEnd[] = [];
let scheduled = false;

/** Calls `onTurnEnd` once at the end of this turn, in the order of the calls. */
export function answerAtTurnEnd(one: TurnEnd): void {
  answers.push(one);
  if (!scheduled) schedule();
}

/** As `answerAtTurnEnd`, and after all answers. */
export function requestAtTurnEnd(one: TurnEnd): void {
  requests.push(one);
  if (!scheduled) schedule();
}

function schedule(): void {
  scheduled = true;
  setImmediate(endTurn);
}

// Two loops, each of which sees one class only.
function endTurn(): void {
  const answersDue = answers;
  const requestsDue = requests;
  answers = [];
  requests = [];
  scheduled = false;
  for (const one of answersDue) one.onTurnEnd();
  for (const one of requestsDue) one.onTurnEnd();
}
