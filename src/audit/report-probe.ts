// What a probe found, in the words of all reports: a line for the table of hops, and the paragraphs
// for each server.

import type { AuditReport } from './audit.ts';
import type { Hop } from './model.ts';
import type { ProbeAdvice, ProbeVerdict, ServerProbe, TrustResult } from './probe-model.ts';

/** A verdict in a few words. */
export const probeWords: Readonly<Record<ProbeVerdict, string>> = {
  verified: 'verifies',
  'would-verify': 'would verify as it is, but is not asked to',
  fixable: 'would verify, if told how',
  cannot: 'cannot verify',
  unreachable: 'not reached',
  skipped: 'not probed',
};

/** Good, open to question or bad: for colours. */
export const probeStyle: Readonly<Record<ProbeVerdict, 'verified' | 'weak' | 'unverified'>> = {
  verified: 'verified',
  'would-verify': 'weak',
  fixable: 'weak',
  cannot: 'unverified',
  unreachable: 'unverified',
  skipped: 'weak',
};

/** `10.0.0.5:443 would verify, if told how (UPSTREAM_TLS_NAME_MISMATCH)`, for the table. */
export function probeSummary(probe: ServerProbe): string {
  const { verdict, code, blockedBy } = probe;
  const why = blockedBy ?? code;
  return `${placeOf(probe)} ${probeWords[verdict]}${why === null ? '' : ` (${why})`}`;
}

function placeOf({ server, address }: ServerProbe): string {
  return address === null || address === server ? server : `${server} [${address}]`;
}

/** All hops with what was found at each; none where nothing was probed. */
export function probedHops(
  report: AuditReport,
): readonly (Hop & { probe: readonly ServerProbe[] })[] {
  return report.hops.flatMap((hop) =>
    hop.probe === undefined ? [] : [{ ...hop, probe: hop.probe }],
  );
}

/** A paragraph: facts first, each with a title. */
export interface ProbeParagraph {
  readonly title: string;
  readonly probe: ServerProbe;
  readonly facts: readonly (readonly [name: string, text: string])[];
  /** What to write, and what to do before. */
  readonly advice: readonly { readonly title: string; readonly advice: ProbeAdvice }[];
}

/** The paragraph of one server. */
export function probeParagraph(probe: ServerProbe): ProbeParagraph {
  const facts: (readonly [string, string])[] = [];
  const say = (name: string, text: string): void => {
    if (text !== '') facts.push([name, text]);
  };
  say('why', probe.message);
  say('agreed', [probe.protocol, probe.cipher, probe.curve].filter((one) => one !== '').join(', '));
  for (const line of chainLines(probe)) say('chain', line);
  say('names', probe.names.map(nameText).join(', '));
  if (probe.chain.length > 0) {
    say('configured CA', trustText(probe.configuredTrust, 'none'));
    say("system's CAs", trustText(probe.systemTrust, 'there are none'));
    say('depth', probe.depth === null ? '' : String(probe.depth));
    say('OCSP', probe.ocsp === 'none' ? 'nothing stapled' : `stapled: ${probe.ocsp}`);
  }
  say('missing', probe.missing === null ? '' : `the certificate of "${probe.missing}"`);
  for (const url of probe.issuerUrls) say('to fetch', url);
  for (const note of probe.notes) say('note', note);
  const advice = [
    ...(probe.advice === null ? [] : [{ title: 'write', advice: probe.advice }]),
    ...(probe.pinAdvice === null
      ? []
      : [{ title: "or pin the server's key (Sallyport only)", advice: probe.pinAdvice }]),
  ];
  return { title: probeSummary(probe), probe, facts, advice };
}

function chainLines({ chain }: ServerProbe): readonly string[] {
  return chain.map(({ subject, sans, key, notBefore, notAfter, daysLeft, fingerprint, pin }) => {
    const names = sans === '' ? '' : ` for ${sans}`;
    const left = daysLeft < 0 ? 'over' : `${daysLeft} days left`;
    const dates = `${notBefore.slice(0, 10)} to ${notAfter.slice(0, 10)} (${left})`;
    return `"${subject}"${names}, ${key}, ${dates}, sha256 ${fingerprint}, pin ${pin ?? 'none'}`;
  });
}

function nameText({ name, source, matches }: ServerProbe['names'][number]): string {
  return `"${name}" (${source}) ${matches ? 'fits' : 'does not fit'}`;
}

function trustText(result: TrustResult | null, none: string): string {
  if (result === null) return none;
  return result.ok ? 'the chain verifies' : `the chain does not verify (${result.code ?? ''})`;
}

/** The lines of an advice, for a configuration: what is only to be read is a comment. */
export function adviceLines({ directives, serverLine, needs, proved }: ProbeAdvice): string[] {
  return [
    ...needs.map((need) => `# ${need}`),
    ...(proved ? ['# tried: a handshake with exactly this passes'] : []),
    ...(serverLine === null ? [] : [`${serverLine}  # in the upstream block`]),
    ...directives,
  ];
}
