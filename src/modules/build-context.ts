// What features share while a configuration is built: where errors go, variables, files, groups.

import type { Argument, Position } from '../config/node.ts';
import type { Diagnostics } from '../config/diagnostic.ts';
import type { SourceReader } from '../config/source.ts';
import { nearestName } from '../config/suggest.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import {
  compileTemplate,
  constantTemplate,
  TemplateError,
  toByteString,
} from '../exchange/template.ts';
import type { Template } from '../exchange/template.ts';
import type { CaptureSlot, VariableTable } from '../exchange/variable.ts';
import type { LogFiles } from '../log/log-files.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { HopSummary } from './hop.ts';
import { namedGroups } from './named-captures.ts';
import { fromPcre } from './regular-expression.ts';

/** A regular expression with the variables that its named groups fill. */
export interface Pattern {
  readonly regex: RegExp;
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
  /** Numeric addresses of every host name in the configuration. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
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
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** `upstream` blocks and the hosts of URLs, by name. */
  readonly groups: Map<string, LiveGroup> = new Map();
  readonly upstreamPolicies: Map<string, UpstreamTlsPolicy> = new Map();
  readonly hops: HopSummary[] = [];
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
    this.addresses = options.addresses;
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
    const { source, flags: translated } = fromPcre(toByteString(text), flags);
    let regex: RegExp;
    try {
      regex = new RegExp(source, translated);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      this.error(
        at,
        `invalid regular expression "${text}": ${why}`,
        'patterns are JavaScript regular expressions here; PCRE-only syntax has to be rewritten',
      );
      return null;
    }
    const slots: CaptureSlot[] = [];
    for (const group of namedGroups(source)) {
      slots.push({ group, slot: this.variables.define(group) });
    }
    return { regex, slots };
  }

  /** Reads a file that the configuration names; null after a reported error. */
  readText(path: string, at: Position | null, what: string): string | null {
    try {
      return this.sources.read(path).toString('utf8');
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
