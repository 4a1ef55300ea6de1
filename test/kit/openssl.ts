// OpenSSL's own command line as the other end: a server that sends the alerts that Node's do not, and
// a client for versions and ciphers that Node's do not offer.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './ports.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

/** For `test(name, { skip: !opensslAvailable }, …)`. */
export const opensslAvailable = spawnSync('openssl', ['version']).status === 0;

/**
 * A server that answers each request with a page of its own.
 *
 * @param args - of `openssl s_server`, the port excepted
 * @returns its address as a configuration writes it
 */
export async function opensslServer(args: readonly string[], scope?: Scope): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn('openssl', ['s_server', '-accept', address, '-www', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  atEnd(scope, async () => {
    child.kill('SIGKILL');
    await gone;
  });
  child.stderr.resume();
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('ACCEPT')) resolve();
    });
    child.once('exit', () => reject(new Error(`openssl s_server ended: ${text}`)));
  });
  return address;
}

/** What a handshake of `openssl s_client` came to. */
export interface OpensslHandshake {
  readonly ok: boolean;
  /** `TLSv1.2`; empty where there was none. */
  readonly protocol: string;
  readonly cipher: string;
  /** Everything that it printed. */
  readonly output: string;
}

/** Connects, says nothing and leaves. */
export async function opensslHandshake(
  port: number,
  args: readonly string[],
): Promise<OpensslHandshake> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  await once(child, 'close');
  const [, protocol = '', cipher = ''] = /^New, (\S+), Cipher is (\S+)/m.exec(output) ?? [];
  // For TLS 1.2 and older that line names the version that defined the cipher.
  const spoken = /^\s*Protocol\s*: (\S+)/m.exec(output)?.[1] ?? protocol;
  const ok = cipher !== '' && cipher !== '(NONE)';
  return { ok, protocol: ok ? spoken : '', cipher: ok ? cipher : '', output };
}
