// Files that must not be served, in folders that are: private keys, passwords, users, logs and the
// configuration itself below a `root` or `alias`. A start warns of them, and the audit finds them.

import path from 'node:path';
import type { DirectiveNode } from '../config/node.ts';

/** One such file. */
export interface ServedSecret {
  /** The `root` or `alias`. */
  readonly node: DirectiveNode;
  /** What the file is: "the private key". */
  readonly what: string;
  /** Absolute. */
  readonly file: string;
}

/** Where relative paths belong to, and which files the configuration consists of; all absolute. */
export interface ServedPlace {
  readonly prefix: string;
  readonly configFolder: string;
  readonly configFiles: readonly string[];
}

interface Kind {
  readonly directive: RegExp;
  readonly what: string;
  /** Relative paths belong to the folder of the configuration, else to the prefix. */
  readonly besideConfig: boolean;
}

const kinds: readonly Kind[] = [
  { directive: /ssl_certificate_key$/, what: 'the private key', besideConfig: true },
  { directive: /ssl_password_file$/, what: 'the file of passwords', besideConfig: true },
  { directive: /^ssl_session_ticket_key$/, what: 'the ticket key', besideConfig: true },
  { directive: /^auth_basic_user_file$/, what: 'the file of users', besideConfig: true },
  { directive: /^(?:access|error)_log$/, what: 'the log', besideConfig: false },
];

interface Named {
  readonly what: string;
  readonly file: string;
}

function isFixed(text: string): boolean {
  return text !== '' && !/\$|^(?:data|engine|store|syslog|memory):|^(?:off|stderr)$/.test(text);
}

function* walk(
  nodes: readonly DirectiveNode[],
  around: DirectiveNode | null,
): Iterable<{ node: DirectiveNode; around: DirectiveNode | null }> {
  for (const node of nodes) {
    yield { node, around };
    if (node.block !== null) yield* walk(node.block, node);
  }
}

function namedFiles(nodes: readonly DirectiveNode[], place: ServedPlace): readonly Named[] {
  const found = place.configFiles.map((file) => ({ what: 'the configuration', file }));
  for (const { node } of walk(nodes, null)) {
    const kind = kinds.find(({ directive }) => directive.test(node.name));
    const text = node.args[0]?.text ?? '';
    if (kind === undefined || !isFixed(text)) continue;
    const base = kind.besideConfig ? place.configFolder : place.prefix;
    found.push({ what: kind.what, file: path.resolve(base, text) });
  }
  return found;
}

// Nobody gets at the files of a location that is closed.
function isClosed(location: DirectiveNode): boolean {
  return (location.block ?? []).some(
    ({ name, args }) => name === 'internal' || (name === 'deny' && args[0]?.text === 'all'),
  );
}

// The one file of a location with "=", else null.
function onlyFile(node: DirectiveNode, location: DirectiveNode, folder: string): string | null {
  const [mark, uri] = location.args;
  if (location.name !== 'location' || mark?.text !== '=' || uri === undefined) return null;
  return node.name === 'alias' ? folder : path.join(folder, uri.text);
}

/** Finds them, each file once for each folder that it is served from. */
export function* servedSecrets(
  nodes: readonly DirectiveNode[],
  place: ServedPlace,
): Iterable<ServedSecret> {
  const secrets = namedFiles(nodes, place);
  for (const { node, around } of walk(nodes, null)) {
    const text = node.args[0]?.text ?? '';
    if ((node.name !== 'root' && node.name !== 'alias') || !isFixed(text)) continue;
    if (around !== null && isClosed(around)) continue;
    const folder = path.resolve(place.prefix, text);
    const only = around === null ? null : onlyFile(node, around, folder);
    const below = folder === '/' ? '/' : `${folder}/`;
    const seen = new Set<string>();
    for (const { what, file } of secrets) {
      const served = only === null ? file === folder || file.startsWith(below) : file === only;
      if (!served || seen.has(file)) continue;
      seen.add(file);
      yield { node, what, file };
    }
  }
}
