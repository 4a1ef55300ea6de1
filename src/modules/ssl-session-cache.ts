// `ssl_session_cache`: where the sessions of clients are kept that take no tickets.

import { parseSize } from '../base/size.ts';
import { parseNumber } from '../config/quantity-types.ts';
import type { Argument } from '../config/node.ts';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { custom } from '../config/value-types.ts';
import { joinedKeeper, ServerSessionCache } from '../tls/server-session-cache.ts';
import type { SessionKeeper } from '../tls/server-session-cache.ts';
import { leaseZone } from '../tls/session-zone.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';

interface SharedZone {
  readonly name: string;
  readonly bytes: number;
  readonly at: Argument['at'];
}

/** What keeps sessions; neither where nothing does. */
export interface SessionCacheSettings {
  /** Sessions of the cache of each worker. */
  readonly builtin: number | null;
  readonly shared: SharedZone | null;
}

const nowhere: SessionCacheSettings = { builtin: null, shared: null };

/** OpenSSL's own default. */
const usualSessions = 20_480;
// nginx asks for eight pages of memory.
const smallestZone = 32_768;

const cache = custom<SessionCacheSettings>(
  '"off", "none", builtin[:SESSIONS] and shared:NAME:SIZE',
  (node, help) => {
    let found = nowhere;
    for (const argument of node.args) {
      const read = readCache(argument);
      if (typeof read === 'string') {
        help.error(argument.at, read);
        return null;
      }
      found = { ...found, ...read };
    }
    return found;
  },
);

// In nginx's words.
function readCache({ text, at }: Argument): Partial<SessionCacheSettings> | string {
  if (text === 'off' || text === 'none') return {};
  if (text === 'builtin') return { builtin: usualSessions };
  const [, sessions] = /^builtin:(.*)$/.exec(text) ?? [];
  const number = sessions === undefined ? null : parseNumber(sessions);
  if (number !== null) return { builtin: number === 0 ? usualSessions : number };
  const [, name, size = ''] = /^shared:([^:]+):(.*)$/.exec(text) ?? [];
  const bytes = parseSize(size);
  if (name === undefined || bytes === null) return `invalid session cache "${text}"`;
  if (bytes < smallestZone) return `session cache "${text}" is too small`;
  return { shared: { name, bytes, at } };
}

export const sslSessionCache = directive<SessionCacheSettings>({
  name: 'ssl_session_cache',
  contexts: inHttpServer,
  args: { min: 1, max: 2 },
  value: cache,
  default: nowhere,
  defaultText: 'none',
  help:
    'Where the sessions of clients are kept that take no session tickets: "builtin" in each worker ' +
    '(a number of sessions, 20480 by default), "shared:NAME:SIZE" by all of them and by all servers ' +
    'that name it, some 3000 in a megabyte. Clients with TLS 1.3 resume by tickets alone.',
  differs:
    'Node.js keeps no sessions of TLS 1.3, so with "ssl_session_tickets off" none of them is ' +
    'resumed; "off" and "none" are the same; "builtin:0" keeps 20480 sessions, not any number of ' +
    'them; a zone is kept by each worker, which tell each other of new sessions',
  example: 'ssl_session_cache shared:clients:10m;',
});

const sizes = new WeakMap<BuildContext, Map<string, number>>();

/** What keeps the sessions of a server; null for nothing, also after a reported error. */
export function sessionKeeper(scope: Scope, context: BuildContext): SessionKeeper | null {
  const { builtin, shared } = scope.get(sslSessionCache);
  const keepers: SessionKeeper[] = [];
  if (builtin !== null)
    keepers.push(new ServerSessionCache({ sessions: builtin, bytes: Infinity }));
  if (shared !== null && isDeclaredAlike(shared, context)) {
    const lease = leaseZone(shared.name, shared.bytes, context.ticketKeys);
    context.disposers.push(() => lease.release());
    keepers.push(lease.keeper);
  }
  return joinedKeeper(keepers);
}

function isDeclaredAlike({ name, bytes, at }: SharedZone, context: BuildContext): boolean {
  const declared = sizes.get(context) ?? new Map<string, number>();
  sizes.set(context, declared);
  const first = declared.get(name) ?? bytes;
  declared.set(name, first);
  if (first === bytes) return true;
  const conflict = `conflicts with already declared size ${first}`;
  const message = `the size ${bytes} of shared memory zone "${name}" ${conflict}`;
  context.reportOnce('error', at, message);
  return false;
}
