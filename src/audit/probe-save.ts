// `--save-ca`: the issuers that servers presented, as files for a human to check. Nothing here is
// trusted by being saved.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AuditReport } from './audit.ts';
import type { ServerProbe } from './probe-model.ts';
import { probedHops } from './report-probe.ts';

/** One file that was written. */
export interface SavedIssuers {
  /** Absolute. */
  readonly file: string;
  /** The server that presented them, as written in the configuration. */
  readonly server: string;
  /** In the file's order. */
  readonly certificates: readonly {
    readonly subject: string;
    /** SHA-256 over the certificate, lower-case hex. */
    readonly fingerprint: string;
  }[];
}

/** The name of the file for a server's issuers. */
export function savedName(server: string): string {
  return `${server.replace(/[^A-Za-z0-9.-]+/g, '_')}.pem`;
}

/**
 * Writes the issuers that each probed server presented, without its own certificate; a self-signed
 * certificate is its own issuer and is written. Servers that presented none have no file.
 *
 * DANGER: whoever answered on the way has chosen them. Compare the fingerprints first.
 *
 * @param folder - made where it is missing
 */
export function saveIssuers(report: AuditReport, folder: string): readonly SavedIssuers[] {
  const saved = new Map<string, SavedIssuers>();
  for (const hop of probedHops(report)) {
    for (const probe of hop.probe) {
      const file = path.resolve(folder, savedName(probe.server));
      const certificates = issuersOf(probe);
      if (certificates.length === 0 || saved.has(file)) continue;
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, certificates.map(({ pem }) => pem).join(''));
      saved.set(file, {
        file,
        server: probe.server,
        certificates: certificates.map(({ subject, fingerprint }) => ({ subject, fingerprint })),
      });
    }
  }
  return [...saved.values()];
}

function issuersOf({ chain, chainPem }: ServerProbe) {
  return chain
    .map(({ subject, issuer, fingerprint }, i) => ({
      subject,
      fingerprint,
      own: i === 0 && subject !== issuer,
      pem: `${(chainPem[i] ?? '').trimEnd()}\n`,
    }))
    .filter(({ own }) => !own);
}
