// Where nginx and Sallyport differ in what holds without a word, and how to tell whose configuration
// it is.

import type { DirectiveNode } from '../config/node.ts';
import type { Dialect } from './model.ts';

/** What holds on a hop where nothing is said. */
export interface HopDefaults {
  readonly verify: boolean;
  /** Is the name sent? */
  readonly serverName: boolean;
  readonly depth: number;
  /** Without trusted CAs: does the system's trust store count? */
  readonly systemTrust: boolean;
  /** Is the name checked that of the group (`$proxy_host`), or the server's own? */
  readonly groupName: boolean;
}

export const defaultsOf: Readonly<Record<Dialect, HopDefaults>> = {
  nginx: { verify: false, serverName: false, depth: 1, systemTrust: false, groupName: true },
  sallyport: { verify: true, serverName: true, depth: 4, systemTrust: true, groupName: false },
};

const ours: ReadonlySet<string> = new Set([
  'proxy_ssl_pin',
  'proxy_ssl_san',
  'proxy_ssl_verify_cn',
  'proxy_ssl_ocsp',
  'proxy_ssl_groups',
  'ssl_reload',
]);

/** Sallyport's where it uses a word that only Sallyport has, else nginx's. */
export function guessDialect(nodes: readonly DirectiveNode[]): Dialect {
  return nodes.some(isOurs) ? 'sallyport' : 'nginx';
}

function isOurs({ name, args, block }: DirectiveNode): boolean {
  if (ours.has(name)) return true;
  if (name === 'proxy_ssl_verify' && (args.length > 1 || args[0]?.text === 'report')) return true;
  if (
    name === 'server' &&
    block === null &&
    args.some(({ text }) =>
      /^ssl_(name|pin|trusted_certificate|certificate|certificate_key)=/.test(text),
    )
  ) {
    return true;
  }
  return block?.some(isOurs) ?? false;
}
