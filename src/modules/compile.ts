// From the text of a configuration to a snapshot: read, check against the rows, resolve names, and
// build servers and locations. All errors of all steps are collected; with any, nothing is built.

import path from 'node:path';
import { WorkerCounters } from '../base/worker-counters.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import { checkConfiguration } from '../config/check.ts';
import { Diagnostics } from '../config/diagnostic.ts';
import { parseConfiguration } from '../config/parser.ts';
import type { Scope } from '../config/scope.ts';
import type { SourceReader } from '../config/source.ts';
import { VariableTable } from '../exchange/variable.ts';
import { LiveGroups } from '../forward/live-groups.ts';
import { sayOnStderr } from '../log/complaint.ts';
import { LogFiles } from '../log/log-files.ts';
import type { ListenAddress, Snapshot } from '../server/virtual-server.ts';
import { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { HostLookup } from '../upstream/resolve.ts';
import { BuildContext } from './build-context.ts';
import type { BuildTrace } from './build-trace.ts';
import { configuredVariables } from './configured-values.ts';
import { ErrorLogs } from './error-log.ts';
import type { HopSummary } from './hop.ts';
import { forgetOldChecks } from './health-check.ts';
import { directiveRows, modules, variableRows } from './index.ts';
import { location } from './location.ts';
import { events, http, processSettings, workerConnections } from './main.ts';
import type { ProcessSettings } from './main.ts';
import { limitExcept } from './limit-except.ts';
import { foreignDirectives } from './nginx-directives.ts';
import { defineNamedCaptures } from './named-captures.ts';
import { ifInLocation } from './rewrite-rows.ts';
import { defineSetVariables } from './rewrite-script.ts';
import type { TlsHopTarget } from './proxy-ssl-targets.ts';
import { buildServers, server } from './server.ts';
import { servedSecrets } from './served-secrets.ts';
import { ZoneBook, type SharedZones } from './shared-zones.ts';
import { sslReload } from './ssl-reload.ts';
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
  /** The groups of this worker so far: those that are defined as before are used again. */
  readonly liveGroups?: LiveGroups;
  /** Zones of the supervisor, or of the configuration before: those that stay the same are kept. */
  readonly zones?: SharedZones;
  /** Of the worker that is to serve it; none for the supervisor's own compilation. */
  readonly seat?: WorkerSeat;
  /** Was the process started as root? A server without `listen` then listens on port 80. */
  readonly privileged: boolean;
  /** Explains requests: the snapshot is not to serve, and opens no log. */
  readonly trace?: BuildTrace;
}

/** A checked configuration. `snapshot` is null where there are errors. */
export interface Compiled {
  readonly diagnostics: Diagnostics;
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly process: ProcessSettings;
  readonly snapshot: Snapshot | null;
  readonly listens: readonly ListenAddress[];
  readonly hops: readonly HopSummary[];
  /** Every server that TLS hops may reach, with its policy: what a self-test proves. */
  readonly tlsTargets: readonly TlsHopTarget[];
  /** Absolute paths of all log files, which the supervisor hands to the workers' user. */
  readonly logFiles: readonly string[];
  /** Absolute paths of the folders of temporary files, which have to be the workers' user's. */
  readonly tempFolders: readonly string[];
  /** Absolute paths of all certificates, keys, CAs, CRLs and the like that were read. */
  readonly tlsFiles: readonly string[];
  /** `ssl_reload`: are these files to be watched? */
  readonly tlsReload: boolean;
  /** Keys of all policies towards upstream servers. */
  readonly policyKeys: ReadonlySet<string>;
  /** Memory that all workers share. */
  readonly zones: SharedZones;
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
  const configFiles = files.map((file) => file.path);
  for (const served of servedSecrets(nodes, { prefix: input.prefix, configFolder, configFiles })) {
    const what = `${served.what} "${served.file}" is in a folder that is served to clients`;
    diagnostics.warn(served.node.at, what, 'serve a folder that holds only what all may have');
  }
  const addresses = await resolveHosts(main, input.lookup);
  const variables = new VariableTable(variableRows);
  defineNamedCaptures(nodes, variables);
  defineSetVariables(nodes, variables);
  const context = new BuildContext({
    diagnostics,
    variables,
    sources: input.sources,
    logFiles: new LogFiles(),
    buffers: new ReadBufferPool(),
    prefix: input.prefix,
    configFolder,
    ticketKeys: input.ticketKeys,
    liveGroups: input.liveGroups ?? new LiveGroups(),
    addresses,
    zones: new ZoneBook(input.zones ?? new Map(), input.seat?.number ?? 0, diagnostics),
    counters: new WorkerCounters(
      input.seat?.counters ?? WorkerCounters.create(),
      input.seat?.number ?? 0,
    ),
    ...(input.trace === undefined ? {} : { trace: input.trace }),
  });
  context.configuredVariables = configuredVariables(nodes);
  const snapshot = build(main, context, input);
  const logFiles = context.logFiles.paths;
  const failed = diagnostics.errorCount > 0;
  if (failed) snapshot.dispose();
  else if (input.seat !== undefined) await lookAround(context);
  return {
    diagnostics,
    files,
    process: processSettings(main, { ...input, addresses }),
    snapshot: failed ? null : snapshot,
    listens: snapshot.listens,
    hops: context.hops,
    tlsTargets: context.tlsTargets,
    logFiles,
    tempFolders: [...context.tempFolders],
    tlsFiles: [...context.tlsFiles],
    tlsReload: main.blocks(http).every((scope) => scope.get(sslReload)),
    policyKeys: new Set([...context.upstreamPolicies.values()].map(({ key }) => key)),
    zones: context.zones.defined,
  };
}

/** Milliseconds that a worker waits for name servers before it serves. */
const firstLookMs = 2_000;

// Servers whose names are looked up while requests are served: the first of them should not meet a
// group without servers.
async function lookAround({ firstLooks }: BuildContext): Promise<void> {
  if (firstLooks.length === 0) return;
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, firstLookMs);
  await Promise.race([enough, Promise.all(firstLooks.map((look) => look()))]);
  clearTimeout(timer);
}

function build(main: Scope, context: BuildContext, input: CompileInput): Snapshot {
  const errorLogs = new ErrorLogs(context, {
    override: input.errorLogOverride ?? null,
    pid: input.pid,
  });
  const mainLog = errorLogs.of(main);
  context.logFiles.say = (message) => mainLog.log('alert', message);
  context.mainLog = mainLog;
  const { resolvers } = context.liveGroups;
  resolvers.log ??= (level, message) => mainLog.log(level, message);
  const tools = { modules, context, errorLogs };
  defineVariables(main, context);
  const listens: ListenAddress[] = [];
  for (const scope of main.blocks(http)) {
    buildUpstreams(scope, context);
    listens.push(...buildServers(scope, tools, input.privileged));
  }
  const eventScope = main.blocks(events)[0];
  return {
    listens,
    errorLog: mainLog,
    logFiles: context.logFiles,
    unattended: context.unattended,
    workerConnections: eventScope?.get(workerConnections) ?? workerConnections.default,
    budget: context.liveGroups.budget,
    begin: () => {
      resolvers.log = (level, message) => mainLog.log(level, message);
      forgetOldChecks(context);
      for (const begin of context.beginners) begin();
    },
    retire: () => {
      for (const retire of context.retirers.splice(0)) retire();
    },
    dispose: () => {
      for (const retire of context.retirers.splice(0)) retire();
      // The error log, which was opened first, is closed last: others complain into it.
      for (const dispose of context.disposers.splice(0).reverse()) dispose();
      context.logFiles.say = sayOnStderr;
    },
  };
}

// All names first: a `map` may use the variable of another one further down.
function defineVariables(main: Scope, context: BuildContext): void {
  const scopes = main.blocks(http);
  const defined = modules.flatMap((module) =>
    scopes.flatMap((scope) => module.define?.(scope, context) ?? []),
  );
  for (const compileValues of defined) compileValues();
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
  for (const row of [http, upstream, server, location, ifInLocation, limitExcept]) {
    for (const inner of scope.blocks(row)) collectHosts(inner, names);
  }
}
