// What features share while a configuration is built: where errors go, variables, files, groups.

import type { WorkerCounters } from '../base/worker-counters.ts';
import type { Argument, Position } from '../config/node.ts';
import type { Diagnostics } from '../config/diagnostic.ts';
import type { SourceReader } from '../config/source.ts';
import { nearestName } from '../config/suggest.ts';
import { CheckSlots } from '../forward/health-checker.ts';
import type { LiveGroups } from '../forward/live-groups.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import {
  compileTemplate,
  constantTemplate,
  TemplateError,
  toByteString,
} from '../exchange/template.ts';
import type { Template } from '../exchange/template.ts';
import type { Matcher } from '../exchange/matcher.ts';
import type { CaptureSlot, VariableTable } from '../exchange/variable.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { LogFiles } from '../log/log-files.ts';
import { UnattendedWork } from '../server/unattended.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { ServerTls } from '../upstream/peer.ts';
import type { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { BuildTrace } from './build-trace.ts';
import type { HopSummary } from './hop.ts';
import type { TlsHopTarget } from './proxy-ssl-targets.ts';
import { compileMatcher } from './matcher.ts';
import { PatternError } from './regular-expression.ts';
import type { ZoneBook } from './shared-zones.ts';
import type { ServerTlsArguments } from './upstream-server-line.ts';

/** A regular expression with the variables that its named groups fill. */
export interface Pattern {
  readonly regex: Matcher;
  readonly slots: readonly CaptureSlot[];
}

export interface BuildContextOptions {
  readonly diagnostics: Diagnostics;
  readonly variables: VariableTable;
  readonly sources: SourceReader;
  readonly logFiles: LogFiles;
  readonly buffers: ReadBufferPool;
  /** Folder that relative paths belong to, with a trailing slash. */
  readonly prefix: string;
  /** Folder of the main configuration file: certificates are relative to it. */
  readonly configFolder: string;
  readonly ticketKeys: Buffer;
  readonly liveGroups: LiveGroups;
  /** Numeric addresses of every host name in the configuration. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly zones: ZoneBook;
  readonly counters: WorkerCounters;
  /** Default: none. */
  readonly trace?: BuildTrace;
}

/** Lives as long as one build. */
export class BuildContext {
  readonly diagnostics: Diagnostics;
  readonly variables: VariableTable;
  readonly sources: SourceReader;
  readonly logFiles: LogFiles;
  readonly buffers: ReadBufferPool;
  readonly prefix: string;
  readonly configFolder: string;
  readonly ticketKeys: Buffer;
  /** The groups of this worker, those of earlier configurations included. */
  readonly liveGroups: LiveGroups;
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Memory that all workers share, by name. */
  readonly zones: ZoneBook;
  /** What all workers do. */
  readonly counters: WorkerCounters;
  /** Null where it is to serve. */
  readonly trace: BuildTrace | null;
  /** `upstream` blocks and the hosts of URLs, by name. */
  readonly groups: Map<string, LiveGroup> = new Map();
  /** Where the TLS parameters of `server` lines were written. */
  readonly serverTls: Map<ServerTls, ServerTlsArguments> = new Map();
  readonly upstreamPolicies: Map<string, UpstreamTlsPolicy> = new Map();
  /** Charsets that `charset` names anywhere, in lower case: those that an upstream may ask for. */
  readonly charsets: Set<string> = new Set();
  /** Variables, in lower case, that hold nothing but what the configuration says. */
  configuredVariables: ReadonlySet<string> = new Set();
  readonly hops: HopSummary[] = [];
  /** Every server that TLS hops may reach, with its policy. */
  readonly tlsTargets: TlsHopTarget[] = [];
  /** Absolute paths of certificates, keys, CAs, CRLs and the like: what is watched for changes. */
  readonly tlsFiles: Set<string> = new Set();
  /** Absolute paths of folders for temporary files. */
  readonly tempFolders: Set<string> = new Set();
  readonly unattended: UnattendedWork = new UnattendedWork();
  /** Of the configuration as a whole; set before locations are built. */
  mainLog: ErrorLog | null = null;
  /** How many health checks there are of a group, by its definition. */
  readonly groupChecks: Map<string, number> = new Map();
  /** Health checks under way at once. */
  readonly checkSlots: CheckSlots = new CheckSlots(64);
  /** Run when the snapshot begins to serve. */
  readonly beginners: (() => void)[] = [];
  /** Run when another one serves instead, or when it is let go of before. */
  readonly retirers: (() => void)[] = [];
  /** Looks for what may be looked for beforehand; each is waited for, but not for long. */
  readonly firstLooks: (() => Promise<void>)[] = [];
  /** Run when the snapshot is let go of. */
  readonly disposers: (() => void)[] = [];

  constructor(options: BuildContextOptions) {
    this.diagnostics = options.diagnostics;
    this.variables = options.variables;
    this.sources = options.sources;
    this.logFiles = options.logFiles;
    this.buffers = options.buffers;
    this.prefix = options.prefix;
    this.configFolder = options.configFolder;
    this.ticketKeys = options.ticketKeys;
    this.liveGroups = options.liveGroups;
    this.addresses = options.addresses;
    this.zones = options.zones;
    this.counters = options.counters;
    this.trace = options.trace ?? null;
  }

  error(at: Position | null, message: string, hint?: string): void {
    this.diagnostics.error(at, message, hint);
  }

  /** Of several servers that inherit one faulty setting, only the first reports it. */
  reportOnce(severity: 'error' | 'warning', at: Position | null, message: string): void {
    const known = this.diagnostics.list.some(
      (one) =>
        one.message === message &&
        one.at?.file === at?.file &&
        one.at?.line === at?.line &&
        one.at?.column === at?.column,
    );
    if (known) return;
    if (severity === 'error') this.diagnostics.error(at, message);
    else this.diagnostics.warn(at, message);
  }

  /**
   * Books a file that TLS policies are made of. To be called wherever one is read.
   *
   * @param path - absolute
   */
  noteTlsFile(path: string): void {
    this.tlsFiles.add(path);
  }

  /** Compiles a string with variables; an error is reported at the argument. */
  template(argument: Argument): Template {
    try {
      return compileTemplate(argument.text, this.variables);
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      const unknown = /unknown "(\w+)" variable/.exec(thrown.message)?.[1];
      const near = unknown === undefined ? null : nearestName(unknown, this.variables.names());
      this.error(
        argument.at,
        thrown.message,
        near === null ? undefined : `did you mean "$${near}"?`,
      );
      return constantTemplate(argument.text, '');
    }
  }

  /** Compiles a regular expression; null after a reported error. */
  pattern(text: string, at: Position | null, flags: '' | 'i'): Pattern | null {
    try {
      const { matcher, names } = compileMatcher(toByteString(text), flags === 'i');
      const slots = names.map((group) => ({ group, slot: this.variables.define(group) }));
      return { regex: matcher, slots };
    } catch (thrown) {
      if (!(thrown instanceof PatternError) && !(thrown instanceof SyntaxError)) throw thrown;
      this.error(at, `invalid regular expression "${text}": ${thrown.message}`);
      return null;
    }
  }

  /** Reads a file that the configuration names; null after a reported error. */
  readText(path: string, at: Position | null, what: string): string | null {
    return this.readBytes(path, at, what)?.toString('utf8') ?? null;
  }

  /** The same for a file that is not text. */
  readBytes(path: string, at: Position | null, what: string): Buffer | null {
    try {
      return this.sources.read(path);
    } catch (thrown) {
      this.reportOnce('error', at, `cannot load ${what} "${path}": ${reasonOf(thrown)}`);
      return null;
    }
  }
}

// Node's text for a system error names the call and, once more, the path.
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return /^[A-Z0-9]+: (.*?), \w+( '|$)/.exec(thrown.message)?.[1] ?? thrown.message;
}
