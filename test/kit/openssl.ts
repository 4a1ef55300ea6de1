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

/** What a connection of `openssl s_client` came to. */
export interface OpensslConnection {
  readonly ok: boolean;
  /** `TLSv1.2`; empty where there was none. */
  readonly protocol: string;
  readonly cipher: string;
  readonly reused: boolean;
  /** Everything that it printed, the answer included. */
  readonly output: string;
}

/**
 * Connects, sends a request and reads until the server closes.
 *
 * @param args - of `openssl s_client`, the port excepted
 * @param request - the bytes to send; default: none, then the client leaves at once
 */
export async function opensslConnection(
  port: number,
  args: readonly string[],
  request = '',
): Promise<OpensslConnection> {
  const wait = request === '' ? [] : ['-ign_eof'];
  const all = ['s_client', '-connect', `127.0.0.1:${port}`, ...wait, ...args];
  const child = spawn('openssl', all);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(request);
  await once(child, 'close');
  const found = /^(New|Reused), (\S+), Cipher is (\S+)/m.exec(output);
  const [, how = '', version = '', cipher = '(NONE)'] = found ?? [];
  if (cipher === '(NONE)') return { ok: false, protocol: '', cipher: '', reused: false, output };
  // For TLS 1.2 and older that line names the version that defined the cipher.
  const protocol = /^\s*Protocol\s*: (\S+)/m.exec(output)?.[1] ?? version;
  return { ok: true, protocol, cipher, reused: how === 'Reused', output };
}
