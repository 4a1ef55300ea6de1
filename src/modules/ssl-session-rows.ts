// `ssl_session_*`: how clients resume their TLS sessions, and the keys of session tickets.

import { resolve } from 'node:path';
import { SallyportError } from '../base/errors.ts';
import { describeSystemError } from '../base/system-error.ts';
import type { Argument } from '../config/node.ts';
import { directive, listDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag, seconds } from '../config/value-types.ts';
import { checkTicketSecret } from '../tls/ticket-keys.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';
import { oneArgument } from './proxy-ssl-values.ts';

export const sslSessionTimeout = directive({
  name: 'ssl_session_timeout',
  contexts: inHttpServer,
  args: 1,
  value: seconds,
  default: 300,
  defaultText: '5m',
  help: 'How long a client may resume its TLS session.',
  example: 'ssl_session_timeout 1h;',
});

export const sslSessionTickets = directive({
  name: 'ssl_session_tickets',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether sessions are resumed by tickets.',
  differs:
    'where clients are verified no session is resumed: what was found out about a chain is not in ' +
    'the ticket',
  example: 'ssl_session_tickets off;',
});

export const sslSessionTicketKey = listDirective<Argument>({
  name: 'ssl_session_ticket_key',
  contexts: inHttpServer,
  args: 1,
  value: oneArgument('the path of a file'),
  help:
    'File of 48 or 80 random bytes that protects session tickets, for servers that are to resume ' +
    "each other's sessions. Of several, the first encrypts and all decrypt, so that a new one can " +
    'be put in front and the old ones kept for a while. Whoever has the file can read recorded ' +
    'connections: keep it as safe as a key, and change it daily. Without it, all workers share a ' +
    'random one for as long as the process lives.',
  differs:
    'each server block derives its own keys from it: a session is never resumed by another one, ' +
    'nor by nginx with the same file; tickets are always encrypted with AES-128; with TLS 1.3 no ' +
    'new ticket is sent on a resumed connection',
  example:
    'ssl_session_ticket_key /etc/sallyport/ticket-today.key;\nssl_session_ticket_key /etc/sallyport/ticket-yesterday.key;',
});

/** The secrets of a server's tickets, the first encrypts; null after a reported error. */
export function ticketSecrets(scope: Scope, context: BuildContext): readonly Buffer[] | null {
  const given = scope.get(sslSessionTicketKey);
  if (given.length === 0) return [context.ticketKeys];
  const read = given.map((argument) => readSecret(argument, context));
  const secrets = read.filter((secret) => secret !== null);
  return secrets.length < given.length ? null : secrets;
}

function readSecret({ text, at }: Argument, context: BuildContext): Buffer | null {
  const path = resolve(context.configFolder, text);
  context.noteTlsFile(path);
  try {
    const bytes = context.sources.read(path);
    checkTicketSecret(path, bytes);
    return bytes;
  } catch (thrown) {
    const message =
      thrown instanceof SallyportError
        ? thrown.message
        : `open() "${path}" failed (${describeSystemError(thrown)})`;
    context.reportOnce('error', at, message);
    return null;
  }
}
