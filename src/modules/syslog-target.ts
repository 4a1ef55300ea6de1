// `syslog:server=…,facility=…` in `access_log` and `error_log`: read with nginx's errors, resolved,
// and opened once for all directives that say the same.

import { isIP } from 'node:net';
import { parseHostPort, type Address } from '../base/address.ts';
import type { Argument } from '../config/node.ts';
import type { ParseHelp } from '../config/row.ts';
import { facilities, severities, Syslog, type SyslogSettings } from '../log/syslog.ts';
import { unixDatagramProblem } from '../log/unix-datagram.ts';
import type { ComplainsTo } from '../log/log-files.ts';
import { Complaint } from '../log/complaint.ts';
import type { BuildContext } from './build-context.ts';

const prefix = 'syslog:';
const syslogPort = 514;
const tagLimit = 32;

/** nginx's own: rules of syslog servers that look for it go on matching. */
const usualTag = 'nginx';

export const syslogHelp =
  'syslog:server=address[,facility=local7][,severity=info][,tag=nginx][,nohostname] sends lines by ' +
  'UDP (port 514) or to the datagram socket unix:path (through node:ffi, which is experimental in Node.js); what cannot be sent at once is dropped.';

/** Is this destination a syslog server? */
export function isSyslog(text: string): boolean {
  return text.startsWith(prefix);
}

type Given = Partial<Record<'server' | 'facility' | 'severity' | 'tag', string>>;

class Problem extends Error {}

/** Null after a reported error. */
export function parseSyslog(argument: Argument, help: ParseHelp): SyslogSettings | null {
  try {
    return readSettings(argument.text.slice(prefix.length));
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    help.error(argument.at, thrown.message);
    return null;
  }
}

function readSettings(text: string): SyslogSettings {
  const given: Given = {};
  let nohostname = false;
  for (const parameter of text.split(',')) {
    const match = /^(server|facility|severity|tag)=(.*)$/.exec(parameter);
    if (match !== null) take(given, match[1] as keyof Given, match[2] ?? '');
    else if (parameter === 'nohostname') nohostname = true;
    else throw new Problem(`unknown syslog parameter "${parameter}"`);
  }
  if (given.server === undefined) throw new Problem('no syslog server specified');
  return {
    server: readServer(given.server),
    facility: codeOf('facility', facilities, given.facility ?? 'local7'),
    severity: codeOf('severity', severities, given.severity ?? 'info'),
    tag: given.tag ?? usualTag,
    nohostname,
  };
}

function take(given: Given, name: keyof Given, value: string): void {
  if (given[name] !== undefined) throw new Problem(`duplicate syslog "${name}"`);
  given[name] = value;
  if (name === 'facility') codeOf(name, facilities, value);
  if (name === 'severity') codeOf(name, severities, value);
  if (name === 'tag') checkTag(value);
  if (name === 'server') readServer(value);
}

function codeOf(what: string, words: readonly string[], word: string): number {
  const code = words.indexOf(word);
  if (code === -1) throw new Problem(`unknown syslog ${what} "${word}"`);
  return code;
}

// RFC 3164, section 4.1.3.
function checkTag(tag: string): void {
  if (tag.length > tagLimit) throw new Problem('syslog tag length exceeds 32');
  if (!/^\w*$/.test(tag)) {
    throw new Problem('syslog "tag" only allows alphanumeric characters and underscore');
  }
}

function readServer(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    const problem = path === '' ? 'no path in the unix domain socket' : unixDatagramProblem(path);
    if (problem !== null) throw new Problem(`${problem} in syslog server "${text}"`);
    return { kind: 'unix', path };
  }
  if (text === '') throw new Problem(`no host in syslog server "${text}"`);
  const parsed = parseHostPort(text);
  if (parsed === null) {
    throw new Problem(`invalid ${text.includes(':') ? 'port' : 'host'} in syslog server "${text}"`);
  }
  return { kind: 'ip', host: parsed.host, port: parsed.port ?? syslogPort };
}

/** The host name that has to be resolved for a destination; null where there is none. */
export function syslogHost({ server }: SyslogSettings): string | null {
  return server.kind === 'ip' && isIP(server.host) === 0 ? server.host : null;
}

/**
 * The same settings with the address in place of the name; null where it was not found.
 *
 * @param addresses - numeric addresses of every host name in the configuration
 */
export function resolveSyslog(
  settings: SyslogSettings,
  addresses: ReadonlyMap<string, readonly string[]>,
): SyslogSettings | null {
  const name = syslogHost(settings);
  if (name === null || settings.server.kind === 'unix') return settings;
  const [host] = addresses.get(name) ?? [];
  return host === undefined ? null : { ...settings, server: { ...settings.server, host } };
}

const opened = new WeakMap<BuildContext, Map<string, Syslog>>();

/**
 * The destination for the life of the snapshot; null after a reported error.
 *
 * @param complainsTo - error logs complain to stderr, not into themselves
 */
export function openSyslog(
  settings: SyslogSettings,
  argument: Argument,
  context: BuildContext,
  complainsTo: ComplainsTo,
): Syslog | null {
  const resolved = resolveSyslog(settings, context.addresses);
  if (resolved === null) {
    context.error(argument.at, `host not found in syslog server "${syslogHost(settings) ?? ''}"`);
    return null;
  }
  const known = opened.get(context) ?? new Map<string, Syslog>();
  opened.set(context, known);
  const key = JSON.stringify([complainsTo, resolved]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const complaint = complainsTo === 'stderr' ? new Complaint() : context.logFiles.complaint();
  const made = new Syslog(resolved, complaint);
  known.set(key, made);
  context.disposers.push(() => made.close());
  return made;
}
