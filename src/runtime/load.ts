// From options to a checked configuration. Whatever was read on the way is kept, so that the worker
// threads compile the very same input and never read a file or ask DNS themselves.

import { randomBytes } from 'node:crypto';
import type { Diagnostic } from '../config/diagnostic.ts';
import {
  FileSources,
  RecordedSources,
  ReplayedSources,
  type SourceSnapshot,
} from '../config/source.ts';
import type { Address } from '../base/address.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import type { LiveGroups } from '../forward/live-groups.ts';
import type { Compiled, CompileInput } from '../modules/compile.ts';
import type { HopSummary } from '../modules/hop.ts';
import type { ProcessSettings } from '../modules/main.ts';
import type { SharedZones } from '../modules/shared-zones.ts';
import { systemLookup, type HostLookup } from '../upstream/resolve.ts';
import { KeptSources, type FormerFiles } from './kept-files.ts';
import { locateConfiguration, type ConfigurationOptions } from './options.ts';
import {
  recordLookup,
  replayLookup,
  type RecordedAnswer,
  type RecordedAnswers,
} from './recorded-lookup.ts';

/** The compiler; replaced in tests. */
export type Compile = (input: CompileInput) => Promise<Compiled>;

/** What one engine runs. */
export type Snapshot = NonNullable<Compiled['snapshot']>;

/** Everything that a compilation used. Can be sent to a worker thread; may hold private keys. */
export interface RecordedInput {
  readonly input: Omit<
    CompileInput,
    'sources' | 'lookup' | 'ticketKeys' | 'liveGroups' | 'zones' | 'seat'
  >;
  readonly ticketKeys: Uint8Array;
  readonly sources: SourceSnapshot;
  readonly lookups: RecordedAnswers;
  /** Memory that the workers share. */
  readonly zones: SharedZones;
}

/** A file that the configuration consists of. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
}

/** An address to listen on. */
export interface ListenSetting {
  /** `0.0.0.0:80`, `[::]:80`, `unix:/path`: what a reload compares. */
  readonly key: string;
  readonly address: Address;
  readonly ipv6Only: boolean;
}

/** A configuration that has been read and checked. It may have errors: see `ok`. */
export interface LoadedConfiguration {
  /** False where there are errors: such a configuration cannot be started. */
  readonly ok: boolean;
  /** The main file, absolute. */
  readonly file: string;
  /** The folder of relative paths, absolute, with a slash at its end. */
  readonly prefix: string;
  /** All errors and warnings, in the order of finding. */
  readonly diagnostics: readonly Diagnostic[];
  /** The main file and all included ones, with their texts. */
  readonly files: readonly ConfigurationFile[];
  /** The addresses to listen on. */
  readonly listens: readonly ListenSetting[];
  /** Each hop to an upstream server, with how far it is verified. */
  readonly hops: readonly HopSummary[];
  /** The settings that concern the process: `daemon`, `pid`, `user` and the like. */
  readonly process: ProcessSettings;
}

/** The configuration with what workers need; the public face hides that part. */
export class Loaded implements LoadedConfiguration {
  readonly ok: boolean;
  readonly file: string;
  readonly prefix: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly files: readonly ConfigurationFile[];
  readonly listens: readonly ListenSetting[];
  readonly hops: readonly HopSummary[];
  readonly process: ProcessSettings;
  /** What it was loaded from, so that a reload can load it again. */
  readonly options: ConfigurationOptions;
  readonly recorded: RecordedInput;
  /** Every file that the configuration logs to, absolute. */
  readonly logFiles: readonly string[];
  /** Every folder of temporary files, absolute. */
  readonly tempFolders: readonly string[];
  /** Every certificate, key, CA and the like that was read, absolute. */
  readonly tlsFiles: readonly string[];
  /** Are these files watched? */
  readonly tlsReload: boolean;

  constructor(options: ConfigurationOptions, compiled: Compiled, recorded: RecordedInput) {
    this.ok = compiled.diagnostics.errorCount === 0 && compiled.snapshot !== null;
    this.file = recorded.input.file;
    this.prefix = recorded.input.prefix;
    this.diagnostics = compiled.diagnostics.list;
    this.files = compiled.files;
    this.listens = compiled.listens.map(({ key, address, ipv6Only }) => ({
      key,
      address,
      ipv6Only,
    }));
    this.hops = compiled.hops;
    this.process = compiled.process;
    this.options = options;
    this.recorded = recorded;
    this.logFiles = compiled.logFiles;
    this.tempFolders = compiled.tempFolders;
    this.tlsFiles = compiled.tlsFiles;
    this.tlsReload = compiled.tlsReload;
  }
}

/** The seams of `load`. */
export interface LoadParts {
  readonly compile: Compile;
  /** Default: the system's resolver. */
  readonly lookup?: HostLookup;
  /** The 48 bytes of an earlier load: TLS sessions then outlive a reload. Default: random. */
  readonly ticketKeys?: Uint8Array;
  /** Of the configuration in force: zones that stay the same outlive a reload. */
  readonly zones?: SharedZones;
  /** Was the process started as root? Default: is it root now. */
  readonly privileged?: boolean;
  /** What a process that has given up root may know of files that only root can read. */
  readonly former?: FormerFiles;
}

/**
 * Reads and checks a configuration. Errors in it don't reject: they are in `diagnostics`.
 */
export async function load(options: ConfigurationOptions, parts: LoadParts): Promise<Loaded> {
  const place = locateConfiguration(options);
  const kept = new KeptSources(new FileSources(), parts.former ?? null);
  const sources = new RecordedSources(kept);
  const answers = new Map<string, RecordedAnswer>();
  const ticketKeys = new Uint8Array(parts.ticketKeys ?? randomBytes(48));
  const input = {
    ...place,
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.prelude === undefined ? {} : { prelude: options.prelude }),
    ...(options.errorLog === undefined ? {} : { errorLogOverride: options.errorLog }),
    pid: process.pid,
    privileged: parts.privileged ?? process.getuid?.() === 0,
  };
  const compiled = await parts.compile({
    ...input,
    sources,
    lookup: recordLookup(parts.lookup ?? systemLookup, answers),
    ticketKeys: Buffer.from(ticketKeys),
    ...(parts.zones === undefined ? {} : { zones: parts.zones }),
  });
  // The engines compile for themselves; this one held log files open.
  compiled.snapshot?.dispose();
  const snapshot = sources.snapshot();
  kept.remember(snapshot.files);
  for (const path of kept.unseen) {
    const what = `"${path}" cannot be read any more: what it held before stays in use`;
    compiled.diagnostics.warn(null, what);
  }
  const recorded = {
    input,
    ticketKeys,
    sources: snapshot,
    lookups: answers,
    zones: compiled.zones,
  };
  return new Loaded(options, compiled, recorded);
}

/**
 * Compiles a recorded input again, without a look at the file system or the network.
 *
 * @param worker - that is to serve it: what stays the same of its groups is used again
 */
export function compileRecorded(
  recorded: RecordedInput,
  compile: Compile,
  worker?: { readonly liveGroups: LiveGroups; readonly seat: WorkerSeat },
): Promise<Compiled> {
  return compile({
    ...recorded.input,
    ...worker,
    zones: recorded.zones,
    sources: new ReplayedSources(recorded.sources),
    lookup: replayLookup(recorded.lookups),
    ticketKeys: Buffer.from(recorded.ticketKeys),
  });
}
