// Books each hop to an upstream server while locations are built, and warns of those that nobody
// verifies.

import path from 'node:path';
import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { BuildContext } from './build-context.ts';
import { proxySslVerify } from './proxy-ssl.ts';

interface Hop {
  readonly scope: Scope;
  readonly url: string;
  readonly at: Position;
  readonly secure: boolean;
  readonly policy: UpstreamTlsPolicy | null;
}

export function describeHop(hop: Hop, context: BuildContext): void {
  const { at, url, secure, policy } = hop;
  const from = `${path.basename(at.file)}:${at.line}`;
  if (!secure || policy === null) {
    const note = 'plain HTTP';
    context.hops.push({ from, to: url, encrypted: false, verified: false, note });
    return;
  }
  const { settings } = policy;
  if (settings.verify === 'on') {
    const note = `against ${settings.trusted?.path ?? 'the trust store of the system'}`;
    context.hops.push({ from, to: url, encrypted: true, verified: true, note });
    return;
  }
  const off = hop.scope.at(proxySslVerify);
  const where = off === null ? '' : ` (${path.basename(off.file)}:${off.line})`;
  context.diagnostics.warn(
    off ?? at,
    `the TLS hop to "${url}" is not verified: anybody on the way can be the upstream`,
    'remove "proxy_ssl_verify off"; for a private CA set proxy_ssl_trusted_certificate',
  );
  const note = `proxy_ssl_verify off${where}`;
  context.hops.push({ from, to: url, encrypted: true, verified: false, note });
}
