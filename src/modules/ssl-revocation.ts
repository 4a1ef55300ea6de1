// OCSP of a server's TLS: the responses that are stapled to its certificates (`ssl_stapling`), and
// the questions about its clients' certificates (`ssl_ocsp`).

import type { Scope } from '../config/scope.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { KeyPair, PemFile } from '../tls/pem.ts';
import { readCertificates } from '../tls/pem.ts';
import type { ClientCheck, ServerTlsParts } from '../tls/server-policy.ts';
import type { StapleLog } from '../tls/staple-source.ts';
import { attachStapler, staplerFor, type Stapler } from '../tls/stapling.ts';
import type { BuildContext } from './build-context.ts';
import { clientOcspOf } from './ssl-ocsp.ts';
import { sslVerifyClient } from './ssl-rows.ts';
import { sslStapling, staplingSettings } from './ssl-stapling.ts';

/** The server that staples. */
export interface StaplingPlace {
  readonly scope: Scope;
  /** `ssl_trusted_certificate` */
  readonly trusted: PemFile | null;
  readonly errorLog: ErrorLog;
}

/** What a policy is given so that its servers staple. */
type StaplingParts = Pick<ServerTlsParts, 'onServer' | 'onDispose'>;

/** Gives what a policy with these certificates needs; at load, what is wrong is reported. */
export type Stapling = (pairs: readonly KeyPair[], when: 'load' | 'handshake') => StaplingParts;

/**
 * The stapling of a server.
 *
 * @throws SallyportError CERTIFICATE_INVALID where the trusted certificates are malformed
 */
export function staplingOf(place: StaplingPlace, context: BuildContext): Stapling {
  const { scope, trusted, errorLog } = place;
  const settings = staplingSettings(scope, context);
  if (settings === null) return () => ({});
  const at = scope.at(sslStapling);
  const log: StapleLog = (level, message) => errorLog.log(level, message);
  const cas = trusted === null ? [] : readCertificates(trusted);
  return (pairs, when) => {
    const warn = (message: string): void => {
      if (when === 'load') context.reportOnce('warning', at, message);
      else log('warn', message);
    };
    const staplers = new Map<KeyPair, Stapler>();
    for (const pair of pairs) {
      const certificates = readCertificates(pair.certificate);
      const name = pair.certificate.path;
      const stapler = staplerFor({ ...settings, certificates, name, trusted: cas, log, warn });
      if (stapler !== null) staplers.set(pair, stapler);
    }
    return {
      onServer(server, pair) {
        // Of a server with several certificates nobody can say which one a client gets: no staple.
        const stapler = pair === null ? undefined : staplers.get(pair);
        if (stapler !== undefined) attachStapler(server, stapler);
      },
      onDispose() {
        for (const stapler of staplers.values()) stapler.stop();
      },
    };
  };
}

/** What asks about clients' certificates; null where nothing does, or after a reported error. */
export function clientCheckOf(
  scope: Scope,
  errorLog: ErrorLog,
  context: BuildContext,
): ClientCheck | null {
  const log: StapleLog = (level, message) => errorLog.log(level, message);
  return clientOcspOf(scope, scope.get(sslVerifyClient), context, log);
}
