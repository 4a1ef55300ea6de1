// The time of the current turn of the event loop. A request asks for the time several times; one
// system call a turn is enough, as nginx's cached time.

let cached = 0;
let stale = true;

function expire(): void {
  stale = true;
}

/** Milliseconds since the epoch, read at most once a turn of the event loop. */
export function now(): number {
  if (stale) {
    cached = Date.now();
    stale = false;
    setImmediate(expire);
  }
  return cached;
}
