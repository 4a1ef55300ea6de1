// Servers of a configuration as clients meet them: addresses, TLS, names, and which one answers for a
// name that nobody has.

import type { DirectiveNode } from '../config/node.ts';
import type { Level } from './tree.ts';

/** The `http` servers, those of a part of a configuration too. */
export function httpServers(root: Level): readonly Level[] {
  return [...root.walk()].filter(
    (level) =>
      level.kind === 'server' &&
      level.around('stream') === null &&
      level.around('mail') === null &&
      level.parent?.kind !== 'upstream',
  );
}

/** The address of a `listen` in one form, for comparison: "*:443". */
export function listenKey(node: DirectiveNode): string {
  const text = node.args[0]?.text ?? '';
  if (text.startsWith('unix:')) return text;
  if (/^\d+$/.test(text)) return `*:${text}`;
  return text.includes(':') && !text.endsWith(']') ? text : `${text}:80`;
}

function listens(server: Level): readonly DirectiveNode[] {
  return server.own('listen');
}

/** Has a word among the parameters of a `listen`? */
export function hasParameter(node: DirectiveNode, name: string): boolean {
  return node.args.some(({ text }, i) => i > 0 && text === name);
}

/** Does a server speak TLS to its clients: on some address, or on all? */
export function tlsOf(server: Level): 'none' | 'some' | 'all' {
  const all = listens(server);
  if (server.isOn('ssl', false)) return 'all';
  const secure = all.filter((node) => hasParameter(node, 'ssl') || hasParameter(node, 'quic'));
  if (secure.length === 0) return 'none';
  return secure.length === all.length ? 'all' : 'some';
}

/** The exact names, wildcards and expressions of a server. */
export function serverNames(server: Level): readonly string[] {
  return server.own('server_name').flatMap(({ args }) => args.map(({ text }) => text));
}

/** Servers that get requests for names that no server has: one for each address. */
export function defaultServers(root: Level): ReadonlySet<Level> {
  const first = new Map<string, { readonly server: Level; readonly flagged: boolean }>();
  for (const server of httpServers(root)) {
    const own = listens(server);
    const keys = own.length === 0 ? [{ key: '*:80', flagged: false }] : own.map(toEntry);
    for (const { key, flagged } of keys) {
      const known = first.get(key);
      if (known === undefined || (flagged && !known.flagged)) first.set(key, { server, flagged });
    }
  }
  return new Set([...first.values()].map(({ server }) => server));
}

function toEntry(node: DirectiveNode): { readonly key: string; readonly flagged: boolean } {
  const flagged = hasParameter(node, 'default_server') || hasParameter(node, 'default');
  return { key: listenKey(node), flagged };
}

/** Can `$host` be only what the configuration says: exact names, and another server for the rest? */
export function hasFixedHost(server: Level | null, defaults: ReadonlySet<Level>): boolean {
  if (server === null || defaults.has(server)) return false;
  const names = serverNames(server);
  return names.length > 0 && names.every((name) => /^[\w-]+(\.[\w-]+)*\.?$/.test(name));
}

/** Does nobody but the machine itself reach a server? */
export function isLocalServer(server: Level | null): boolean {
  const own = server === null ? [] : listens(server);
  return (
    own.length > 0 &&
    own.every((node) => /^(127\.|localhost|\[::1\]|unix:)/.test(node.args[0]?.text ?? ''))
  );
}
