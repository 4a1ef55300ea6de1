// Could the addresses of a configuration be listened on? Those that the running instance of it holds
// are told apart from those that somebody else does.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { formatAddress, type Address } from '../base/address.ts';
import type { DeepFinding } from './deep-finding.ts';
import { listenProblem } from './listen-sockets.ts';
import type { ListenSetting } from './load.ts';
import { readPidFile } from './pid-file.ts';
import { failedCall } from './system-error.ts';

/** @param pidFile - of the configuration */
export function checkPorts(
  listens: readonly ListenSetting[],
  pidFile: string,
): readonly DeepFinding[] {
  const findings: DeepFinding[] = [];
  const running = runningInstance(pidFile);
  for (const { address, ipv6Only } of listens) {
    if (address.kind === 'unix' || address.port === 0) continue;
    const error = listenProblem(address, ipv6Only);
    if (error !== null) findings.push(describe(address, error, running));
  }
  return findings;
}

function describe(
  address: Address & { kind: 'ip' },
  error: NodeJS.ErrnoException,
  running: number | null,
): DeepFinding {
  const where = formatAddress(address);
  if (error.code === 'EADDRINUSE' && running !== null) {
    const holds = holdsPort(running, address.port);
    if (holds !== false) {
      const sure = holds === true ? 'is' : 'is probably';
      const message = `${where} ${sure} in use by the running instance (process ${running}): not tried`;
      return { severity: 'note', at: null, message };
    }
  }
  if (error.code === 'EACCES') {
    const message = `${where} cannot be tried: ports below 1024 need root or CAP_NET_BIND_SERVICE`;
    return { severity: 'warning', at: null, message };
  }
  return { severity: 'error', at: null, message: failedCall(`bind() to ${where}`, error) };
}

function runningInstance(pidFile: string): number | null {
  try {
    const pid = readPidFile(pidFile);
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // Somebody else's process is one as well.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? readPidFile(pidFile) : null;
  }
}

// From Linux's tables; null where they cannot be read.
function holdsPort(pid: number, port: number): boolean | null {
  try {
    const held = new Set(
      readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)),
    );
    return listeningInodes(port).some((inode) => held.has(`socket:[${inode}]`));
  } catch {
    return null;
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

/** State 0A is LISTEN; the tenth column is the inode. */
function listeningInodes(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => {
    const rows = readTable(table).map((line) => line.trim().split(/\s+/));
    return rows
      .filter((columns) => columns[1]?.endsWith(`:${hex}`) === true && columns[3] === '0A')
      .map((columns) => columns[9] ?? '');
  });
}

function readTable(file: string): readonly string[] {
  try {
    return readFileSync(file, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}
