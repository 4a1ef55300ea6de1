// `sallyport audit --probe`: handshakes with the servers of a report, and what they present as files.

import { probe, SallyportError, saveIssuers, type AuditReport } from '../index.ts';
import { printLine } from './terminal.ts';

/** As written on the command line. */
export interface ProbeFlags {
  readonly probe: boolean;
  /** Seconds. */
  readonly timeout: string;
  /** Folder of `--save-ca`, which asks for a probe by itself. */
  readonly saveCa: string | undefined;
}

/**
 * The report with what was found at each hop; as it is where nothing is to be probed.
 *
 * @throws SallyportError CONFIG_INVALID where the time is no number of seconds
 */
export async function withProbe(report: AuditReport, flags: ProbeFlags): Promise<AuditReport> {
  const folder = flags.saveCa;
  if (!flags.probe && folder === undefined) return report;
  const seconds = Number(flags.timeout);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new SallyportError('CONFIG_INVALID', '--probe-timeout is a number of seconds');
  }
  const where = folder === undefined ? {} : { saveFolder: folder };
  const found = await probe(report, { timeoutMs: seconds * 1000, ...where });
  if (folder !== undefined) save(found, folder);
  return found;
}

// On standard error: a report in another format stays readable.
function save(report: AuditReport, folder: string): void {
  const saved = saveIssuers(report, folder);
  if (saved.length === 0) printLine('no server presented an issuer: nothing was saved');
  for (const { file, server, certificates } of saved) {
    printLine(`${file}: presented by ${server}; compare the fingerprints before you trust it`);
    for (const { subject, fingerprint } of certificates) {
      printLine(`  sha256 ${fingerprint} of "${subject}"`);
    }
  }
}
