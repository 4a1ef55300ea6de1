// From the text of a configuration to a snapshot: read, check against the rows, resolve names, and
// build servers and locations. All errors of all steps are collected; with any, nothing is built.

import path from 'node:path';
import { checkConfiguration } from '../config/check.ts';
import { Diagnostics } from '../config/diagnostic.ts';
import { parseConfiguration } from '../config/parser.ts';
import type { Scope } from '../config/scope.ts';
import type { SourceReader } from '../config/source.ts';
import { VariableTable } from '../exchange/variable.ts';
import { LogFiles } from '../log/log-files.ts';
import type { ListenAddress, Snapshot } from '../server/virtual-server.ts';
import { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { HostLookup } from '../upstream/resolve.ts';
import { BuildContext } from './build-context.ts';
import { ErrorLogs } from './error-log.ts';
import type { HopSummary } from './hop.ts';
import { directiveRows, modules, variableRows } from './index.ts';
import { location } from './location.ts';
import { events, http, processSettings, workerConnections } from './main.ts';
import type { ProcessSettings } from './main.ts';
import { foreignDirectives } from './nginx-directives.ts';
import { defineNamedCaptures } from './named-captures.ts';
import { buildServers, server } from './server.ts';
import { buildUpstreams, upstream } from './upstream.ts';

export type { HopSummary } from './hop.ts';
export type { ProcessSettings } from './main.ts';
export type { ListenAddress } from '../server/virtual-server.ts';

/** Where a configuration comes from, and what stands around it. */
export interface CompileInput {
  /** Absolute path of the main file. */
  readonly file: string;
  /** Its text, where it is not to be read from the file. */
  readonly text?: string;
  /** Directives of the command line (`-g`). */
  readonly prelude?: string;
  /** Absolute folder that relative paths belong to, with a trailing slash. */
  readonly prefix: string;
  readonly sources: SourceReader;
  readonly lookup: HostLookup;
  /** File of `-e`, for what happens where no `error_log` is configured. */
  readonly errorLogOverride?: string;
  /** 48 bytes, the same for all workers, so that each can resume the others' TLS sessions. */
  readonly ticketKeys: Buffer;
  readonly pid: number;
  /** Was the process started as root? A server without `listen` then listens on port 80. */
  readonly privileged: boolean;
}

/** A checked configuration. `snapshot` is null where there are errors. */
export interface Compiled {
  readonly diagnostics: Diagnostics;
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly process: ProcessSettings;
  readonly snapshot: Snapshot | null;
  readonly listens: readonly ListenAddress[];
  readonly hops: readonly HopSummary[];
  /** Absolute paths of all log files, which the supervisor hands to the workers' user. */
  readonly logFiles: readonly string[];
}

export async function compileConfiguration(input: CompileInput): Promise<Compiled> {
  const diagnostics = new Diagnostics();
  const { nodes, files } = parseConfiguration({ ...input, diagnostics });
  const configFolder = `${path.dirname(input.file)}/`;
  const main = checkConfiguration(nodes, {
    rows: directiveRows,
    foreign: foreignDirectives,
    diagnostics,
    prefix: input.prefix,
    configFolder,
  });
  if (main.blocks(events).length === 0) {
    diagnostics.error(null, 'no "events" section in configuration', 'add: events { }');
  }
  const addresses = await resolveHosts(main, input.lookup);
  const variables = new VariableTable(variableRows);
  defineNamedCaptures(nodes, variables);
  const context = new BuildContext({
    diagnostics,
    variables,
    sources: input.sources,
    logFiles: new LogFiles(),
    buffers: new ReadBufferPool(),
    prefix: input.prefix,
    configFolder,
    ticketKeys: input.ticketKeys,
    addresses,
  });
  const snapshot = build(main, context, input);
  const logFiles = context.logFiles.paths;
  const failed = diagnostics.errorCount > 0;
  if (failed) snapshot.dispose();
  return {
    diagnostics,
    files,
    process: processSettings(main, input),
    snapshot: failed ? null : snapshot,
    listens: snapshot.listens,
    hops: context.hops,
    logFiles,
  };
}

function build(main: Scope, context: BuildContext, input: CompileInput): Snapshot {
  const errorLogs = new ErrorLogs(context, {
    override: input.errorLogOverride ?? null,
    pid: input.pid,
  });
  const tools = { modules, context, errorLogs };
  const listens: ListenAddress[] = [];
  for (const scope of main.blocks(http)) {
    buildUpstreams(scope, context);
    listens.push(...buildServers(scope, tools, input.privileged));
  }
  const eventScope = main.blocks(events)[0];
  return {
    listens,
    errorLog: errorLogs.of(main),
    logFiles: context.logFiles,
    workerConnections: eventScope?.get(workerConnections) ?? workerConnections.default,
    dispose: () => {
      for (const dispose of context.disposers.splice(0)) dispose();
    },
  };
}

/** Looks every host name of the configuration up, once and side by side. */
async function resolveHosts(
  main: Scope,
  lookup: HostLookup,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const groups = new Set<string>();
  for (const scope of main.blocks(http)) {
    for (const group of scope.blocks(upstream)) {
      groups.add((group.node?.args[0]?.text ?? '').toLowerCase());
    }
  }
  const names = new Set<string>();
  collectHosts(main, names);
  const found = new Map<string, readonly string[]>();
  await Promise.all(
    [...names]
      .filter((name) => !groups.has(name.toLowerCase()))
      .map(async (name) => {
        found.set(name, await lookup(name).catch(() => []));
      }),
  );
  return found;
}

function collectHosts(scope: Scope, names: Set<string>): void {
  for (const module of modules) {
    for (const name of module.hosts?.(scope) ?? []) names.add(name);
  }
  for (const row of [http, upstream, server, location]) {
    for (const inner of scope.blocks(row)) collectHosts(inner, names);
  }
}
