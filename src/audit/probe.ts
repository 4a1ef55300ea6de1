// `audit --probe`: a real handshake with every server of every TLS hop, some at a time, and none of
// them is ever sent a byte of a request.

import path from 'node:path';
import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import type { Address } from '../base/address.ts';
import type { AuditReport } from './audit.ts';
import type { Hop, HopServer } from './model.ts';
import type { ServerProbe } from './probe-model.ts';
import { probeServer, unprobed, type ProbeMemory } from './probe-server.ts';

/** How to probe. */
export interface ProbeOptions {
  /** Milliseconds for each handshake. Default 5000. */
  readonly timeoutMs?: number;
  /** Servers that are probed at a time. Default 8. */
  readonly parallel?: number;
  /** Where the CAs that servers present will be saved, for the advice; default: nowhere. */
  readonly saveFolder?: string;
  /** Addresses of a host name. Default: the system's resolver. For tests. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/** Of a name with many addresses so many are probed. */
const mostAddresses = 4;

/** A task is one server of one hop; its place in the lists. */
interface Task {
  readonly hop: Hop;
  readonly server: HopServer;
}

/**
 * Connects to every server that the TLS hops of a report lead to.
 *
 * @returns the report with `probe` at each of these hops
 */
export async function probe(report: AuditReport, options: ProbeOptions = {}): Promise<AuditReport> {
  const tasks = report.hops
    .filter(({ encrypted }) => encrypted)
    .flatMap((hop) => hop.servers.map((server): Task => ({ hop, server })));
  const results = new Map<Task, readonly ServerProbe[]>();
  const waiting = tasks.values();
  const memory: ProbeMemory = new Map();
  const work = async (): Promise<void> => {
    for (const task of waiting) {
      results.set(task, await probeTask(task, { report, options, memory }));
    }
  };
  await Promise.all(Array.from({ length: options.parallel ?? 8 }, work));
  const hops = report.hops.map((hop) => {
    if (!hop.encrypted) return hop;
    const own = tasks.filter((task) => task.hop === hop);
    return { ...hop, probe: own.flatMap((task) => results.get(task) ?? []) };
  });
  return { ...report, hops };
}

interface Run {
  readonly report: AuditReport;
  readonly options: ProbeOptions;
  readonly memory: ProbeMemory;
}

async function probeTask(
  { hop, server }: Task,
  { report, options, memory }: Run,
): Promise<readonly ServerProbe[]> {
  if (`${server.host}${server.address}`.includes('$')) {
    const message = 'the server depends on the request';
    return [unprobed(server, { verdict: 'skipped', code: null, message })];
  }
  let addresses: readonly Address[];
  try {
    addresses = await addressesOf(server, options.lookup ?? systemLookup);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `host not found: ${why}`;
    const code = 'UPSTREAM_HOST_NOT_FOUND';
    return [unprobed(server, { verdict: 'unreachable', code, message })];
  }
  const rest = {
    dialect: report.dialect,
    folder: path.dirname(report.name),
    timeoutMs: options.timeoutMs ?? 5000,
    saveFolder: options.saveFolder ?? null,
  };
  const found: ServerProbe[] = [];
  for (const address of addresses) {
    found.push(await guarded(server, () => probeServer({ hop, server, address, ...rest }, memory)));
  }
  return found;
}

// Whatever somebody has written into a certificate: the other servers are probed nevertheless.
async function guarded(server: HopServer, look: () => Promise<ServerProbe>): Promise<ServerProbe> {
  try {
    return await look();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `what was presented cannot be judged: ${why}`;
    return unprobed(server, { verdict: 'cannot', code: 'UPSTREAM_TLS_UNTRUSTED', message });
  }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await dns.lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}

async function addressesOf(
  { address, host, port }: HopServer,
  lookup: (host: string) => Promise<readonly string[]>,
): Promise<readonly Address[]> {
  if (address.startsWith('unix:')) return [{ kind: 'unix', path: address.slice('unix:'.length) }];
  if (host === '') throw new Error(`"${address}" is no address`);
  const found = isIP(host) === 0 ? [...new Set(await lookup(host))] : [host];
  return found.slice(0, mostAddresses).map((one) => ({ kind: 'ip', host: one, port }));
}
