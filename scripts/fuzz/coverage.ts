// Which branches a run took and how often: the instrumented code calls `edge` at each of them. The
// number of calls is the measure of work as well, so that a hang is found without a clock: a run
// that does too much is ended by an error.

/** More branches than the sources will have. */
const most = 65_536;

/** Thrown out of code that does far more than its input is worth. */
export class TooMuchWork extends Error {}

const counts = new Uint32Array(most);
const touched = new Uint16Array(most);
let touchedCount = 0;
let work = 0;
let limit = Number.MAX_SAFE_INTEGER;

/** Called by the instrumented code. */
export function edge(id: number): void {
  const before = counts[id] as number;
  counts[id] = before + 1;
  if (before === 0) {
    touched[touchedCount] = id;
    touchedCount += 1;
  }
  work += 1;
  if (work > limit) throw new TooMuchWork(`more than ${limit} branches were taken`);
}

/** Starts a run that may take so many branches. */
export function beginRun(mostWork: number): void {
  for (let i = 0; i < touchedCount; i += 1) counts[touched[i] as number] = 0;
  touchedCount = 0;
  work = 0;
  limit = mostWork;
}

/** Ends it. @returns how many branches were taken */
export function endRun(): number {
  limit = Number.MAX_SAFE_INTEGER;
  return work;
}

/** How often, in eight steps, each a bit: a loop that turns more often is something new. */
function step(count: number): number {
  if (count <= 3) return 1 << (count - 1);
  if (count <= 7) return 8;
  if (count <= 15) return 16;
  if (count <= 31) return 32;
  return count <= 127 ? 64 : 128;
}

/** Branches taken by any input so far, with the steps of their counts. */
export class Coverage {
  readonly #steps = new Uint8Array(most);

  /** Takes in the last run. @returns the branch and step pairs that were new */
  takeRun(): number[] {
    const found: number[] = [];
    for (let i = 0; i < touchedCount; i += 1) {
      const id = touched[i] as number;
      const bit = step(counts[id] as number);
      const known = this.#steps[id] as number;
      if ((known & bit) !== 0) continue;
      this.#steps[id] = known | bit;
      found.push(id * 256 + bit);
    }
    return found;
  }

  has(id: number): boolean {
    return this.#steps[id] !== 0;
  }
}

/** The branch and step pairs of the last run. */
export function pairsOfRun(): Set<number> {
  const pairs = new Set<number>();
  for (let i = 0; i < touchedCount; i += 1) {
    const id = touched[i] as number;
    pairs.add(id * 256 + step(counts[id] as number));
  }
  return pairs;
}
