// Fuzzes one target: mutates inputs of its corpus, keeps those that take a branch which none took
// before, and reports those that break something.

import type { Random } from '../../test/kit/random.ts';
import { corpusBytes, hashOf, readCorpus, writeCorpus, writeCrash } from './corpus.ts';
import { beginRun, Coverage, endRun, pairsOfRun, TooMuchWork } from './coverage.ts';
import { minimise } from './minimise.ts';
import { mutate, type Material } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** More are not kept in memory. */
const mostEntries = 3000;
const mostCrashes = 20;

/** What one input may cost: branches taken, far above what any honest one does. */
function workAllowed(target: FuzzTarget, bytes: number): number {
  return 2_000_000 + bytes * (target.workPerByte ?? 5000);
}

/** What is told of a target at the end. */
export interface FuzzReport {
  readonly executions: number;
  readonly entries: number;
  readonly corpusBytes: number;
  readonly mostWork: number;
  readonly crashes: number;
}

/** Called before each run with its input: for a watch that must know it when nothing returns. */
export type BeforeRun = (target: string, input: Buffer) => void;

export class Fuzzer {
  readonly target: FuzzTarget;
  readonly coverage = new Coverage();
  readonly #entries: Buffer[] = [];
  readonly #hashes = new Set<string>();
  readonly #crashes = new Map<string, string>();
  readonly #material: Material;
  readonly #beforeRun: BeforeRun;
  #executions = 0;
  #mostWork = 0;

  constructor(
    target: FuzzTarget,
    random: Random,
    literals: readonly string[],
    beforeRun: BeforeRun,
  ) {
    this.target = target;
    this.#beforeRun = beforeRun;
    this.#material = {
      random,
      words: [...target.words, ...literals].map((word) => Buffer.from(word, 'latin1')),
      other: () => this.#choose(),
      maxBytes: target.maxBytes,
    };
    const seeds = target.seeds.map((seed) =>
      typeof seed === 'string' ? Buffer.from(seed, 'latin1') : seed,
    );
    for (const input of [...readCorpus(target.name).map(({ bytes }) => bytes), ...seeds]) {
      this.#try(input, false);
    }
    if (this.#entries.length === 0) this.#entries.push(Buffer.alloc(0));
  }

  get report(): FuzzReport {
    return {
      executions: this.#executions,
      entries: this.#entries.length,
      corpusBytes: this.#entries.reduce((sum, one) => sum + one.length, 0),
      mostWork: this.#mostWork,
      crashes: this.#crashes.size,
    };
  }

  /** Goes on until `until`, in milliseconds of `performance.now()`. */
  run(until: number): void {
    while (performance.now() < until && this.#crashes.size < mostCrashes) {
      for (let i = 0; i < 64; i += 1) this.#try(mutate(this.#choose(), this.#material), true);
    }
  }

  /** Writes the corpus: the smallest inputs that together take every branch found. */
  save(): void {
    const covered = new Set<number>();
    const kept: Buffer[] = [];
    let size = 0;
    for (const input of this.#entries.toSorted((a, b) => a.length - b.length)) {
      this.#execute(input);
      // Branches alone, not how often: what that adds is found again within seconds.
      const added = [...pairsOfRun()].map((pair) => pair >> 8).filter((id) => !covered.has(id));
      if (added.length === 0 || size + input.length > corpusBytes) continue;
      for (const id of added) covered.add(id);
      kept.push(input);
      size += input.length;
    }
    writeCorpus(this.target.name, kept);
  }

  #choose(): Buffer {
    const { random } = this.#material;
    const entries = this.#entries;
    // Half of the time one of the latest: what is new has not been played with yet.
    const newest = Math.max(1, Math.min(entries.length, 32));
    const index = random.oneIn(2)
      ? entries.length - 1 - random.below(newest)
      : random.below(entries.length);
    return entries[index] ?? Buffer.alloc(0);
  }

  #try(input: Buffer, shrink: boolean): void {
    if (!this.#execute(input)) return;
    const found = this.coverage.takeRun();
    if (found.length === 0 || this.#entries.length >= mostEntries) return;
    const smallest = shrink ? this.#shrunk(input, found) : input;
    const hash = hashOf(smallest);
    if (this.#hashes.has(hash)) return;
    this.#hashes.add(hash);
    this.#entries.push(Buffer.from(smallest));
  }

  #shrunk(input: Buffer, found: readonly number[]): Buffer {
    return minimise(
      input,
      (smaller) => {
        if (!this.#execute(smaller)) return false;
        const pairs = pairsOfRun();
        return found.every((pair) => pairs.has(pair));
      },
      200,
    );
  }

  /** @returns whether all held */
  #execute(input: Buffer): boolean {
    const failure = this.#failureOf(input);
    if (failure === null) return true;
    const kind = kindOf(failure);
    if (!this.#crashes.has(kind)) {
      this.#crashes.set(kind, '');
      const same = (smaller: Buffer): boolean => {
        const other = this.#failureOf(smaller);
        return other !== null && kindOf(other) === kind;
      };
      const file = writeCrash(this.target.name, minimise(input, same, 2000));
      this.#crashes.set(kind, file);
      console.error(`${this.target.name}: ${failure.stack ?? failure.message}\n  input: ${file}\n`);
    }
    return false;
  }

  #failureOf(input: Buffer): Error | null {
    this.#executions += 1;
    this.#beforeRun(this.target.name, input);
    const allowed = workAllowed(this.target, input.length);
    beginRun(allowed);
    let failure: Error | null = null;
    try {
      this.target.run(input);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    const work = endRun();
    this.#mostWork = Math.max(this.#mostWork, work);
    // Also where the code caught the error that should have ended it.
    if (work > allowed) return new TooMuchWork(`a hang: ${work} branches`);
    return failure;
  }
}

/** One defect fails in many ways: where it was thrown, without numbers. */
function kindOf(error: Error): string {
  if (error instanceof TooMuchWork) return 'hang';
  const at = (error.stack ?? '').split('\n').find((line) => /\/(?:src|fuzz)\//.test(line)) ?? '';
  return `${error.name} ${at.trim()}`;
}
