// Files of TLS that have changed on disk, taken over into the configuration in force. Its texts,
// globs and DNS answers are those recorded when it was loaded: a half-edited configuration does not
// slip in with a renewed certificate. What does not compile is refused, the rest is taken.

import { describeSystemError } from '../base/system-error.ts';
import { chainProblem } from '../tls/chain-problem.ts';
import { describeTlsFile } from '../tls/describe-file.ts';
import { diagnosticLine } from './failure.ts';
import { compileRecorded, Loaded, type Compile, type RecordedInput } from './load.ts';

/** A TLS file that is in use in its new content. */
export interface SwappedTlsFile {
  /** Absolute. */
  readonly path: string;
  /** What it holds now: subject, end and fingerprint of a certificate, for instance. */
  readonly content: string;
}

/** A TLS file whose new content is not used: the last good one stays. */
export interface RefusedTlsFile {
  /** Absolute. */
  readonly path: string;
  readonly reason: string;
}

/** A refusal as the runtime remembers it. */
export interface Refusal extends RefusedTlsFile {
  /** The content that was refused; null where it could not be read. */
  readonly bytes: Buffer | null;
  /** It is there, but this process may not read it. */
  readonly forbidden: boolean;
}

export interface Refreshed {
  /** The configuration with what was taken; null where nothing was. */
  readonly loaded: Loaded | null;
  readonly swapped: readonly SwappedTlsFile[];
  readonly refused: readonly Refusal[];
}

/** What a refresh works with. */
export interface RefreshParts {
  readonly compile: Compile;
  /** Null: not a regular file, which cannot be read twice. Throws what `node:fs` throws. */
  readonly read: (path: string) => Buffer | null;
}

type Changed = Map<string, Uint8Array<ArrayBuffer>>;

/** Each of them alone is looked for only among so many. */
const suspectsAtMost = 16;

/** Compares all TLS files with what is in use and takes over what is good. */
export async function refresh(current: Loaded, parts: RefreshParts): Promise<Refreshed> {
  const { changed, refused } = readChanged(current, parts.read);
  for (;;) {
    if (changed.size === 0) return { loaded: null, swapped: [], refused };
    const tried = await attempt(current, changed, parts.compile);
    const failures = new Map(tried.failures);
    if (failures.size === 0 && tried.error !== null) {
      for (const path of await suspects(current, changed, parts.compile)) {
        failures.set(path, tried.error);
      }
    }
    if (failures.size === 0) {
      return { loaded: tried.loaded, swapped: describe(changed), refused };
    }
    for (const [path, reason] of failures) {
      const bytes = changed.get(path);
      refused.push({ path, reason, bytes: Buffer.from(bytes ?? []), forbidden: false });
      changed.delete(path);
    }
  }
}

function readChanged(
  current: Loaded,
  read: RefreshParts['read'],
): { changed: Changed; refused: Refusal[] } {
  const changed: Changed = new Map();
  const refused: Refusal[] = [];
  for (const path of current.tlsFiles) {
    const known = current.recorded.sources.files.get(path);
    if (known === undefined) continue;
    try {
      const bytes = read(path);
      if (bytes === null || bytes.equals(known)) continue;
      const problem = chainProblem(pemFile(path, bytes), pemFile(path, known));
      if (problem === null) changed.set(path, new Uint8Array(bytes));
      else refused.push({ path, reason: problem, bytes, forbidden: false });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const forbidden = code === 'EACCES' || code === 'EPERM';
      const reason = `it cannot be read (${describeSystemError(error)})`;
      refused.push({ path, reason, bytes: null, forbidden });
    }
  }
  return { changed, refused };
}

interface Attempt {
  readonly loaded: Loaded;
  /** Changed files that errors name, with the first of these errors. */
  readonly failures: ReadonlyMap<string, string>;
  /** The first error. */
  readonly error: string | null;
}

async function attempt(current: Loaded, changed: Changed, compile: Compile): Promise<Attempt> {
  const recorded = overlaid(current.recorded, changed);
  const compiled = await compileRecorded(recorded, compile);
  compiled.snapshot?.dispose();
  const loaded = new Loaded(current.options, compiled, recorded);
  const errors = loaded.diagnostics.filter(({ severity }) => severity === 'error');
  const failures = new Map<string, string>();
  for (const error of errors) {
    for (const path of changed.keys()) {
      if (failures.has(path) || !error.message.includes(`"${path}"`)) continue;
      failures.set(path, diagnosticLine(error));
    }
  }
  const [first] = errors;
  const error = first === undefined ? (loaded.ok ? null : 'it does not compile') : null;
  return { loaded, failures, error: first === undefined ? error : diagnosticLine(first) };
}

// No error names a changed file, as where a password file does not open a key any more. If all is
// well without one of them, that is the one; if not, none is taken.
async function suspects(
  current: Loaded,
  changed: Changed,
  compile: Compile,
): Promise<readonly string[]> {
  const all = [...changed.keys()];
  if (all.length === 1 || all.length > suspectsAtMost) return all;
  for (const path of all) {
    const others = new Map(changed);
    others.delete(path);
    const { loaded } = await attempt(current, others, compile);
    if (loaded.ok) return [path];
  }
  return all;
}

function overlaid(recorded: RecordedInput, changed: Changed): RecordedInput {
  const files = new Map([...recorded.sources.files, ...changed]);
  return { ...recorded, sources: { ...recorded.sources, files } };
}

function describe(changed: Changed): SwappedTlsFile[] {
  return [...changed].map(([path, bytes]) => ({
    path,
    content: describeTlsFile(pemFile(path, bytes)),
  }));
}

function pemFile(path: string, bytes: Uint8Array) {
  return { path, pem: Buffer.from(bytes).toString('utf8') };
}
