// What all reports say about a hop, in the same words.

import type { Hop, Verdict } from './model.ts';

/** A verdict in a word or two. */
export const verdictWords: Readonly<Record<Verdict, string>> = {
  open: 'open',
  unverified: 'not verified',
  weak: 'weak',
  local: 'local',
  verified: 'verified',
};

/** The cells of a hop's row, after its place. */
export function hopCells(hop: Hop): readonly string[] {
  return [
    hop.to,
    hop.encrypted ? 'TLS' : hop.scheme === 'variable' ? 'as the client' : 'no',
    verificationText(hop),
    hop.name ?? '–',
    hop.sni ?? '–',
    hop.clientCertificate ?? '–',
    hop.protocols.length === 0
      ? '–'
      : hop.protocols.map((one) => one.replace('TLSv', '')).join(' '),
    verdictWords[hop.verdict],
  ];
}

export const hopColumns: readonly string[] = [
  'from',
  'to',
  'encrypted',
  'verified by',
  'name',
  'SNI',
  'client certificate',
  'TLS',
  'verdict',
];

function verificationText(hop: Hop): string {
  if (!hop.encrypted) return '–';
  if (hop.verification === 'off') return 'nobody';
  const by = hop.trust ?? 'nothing: no CA is set';
  return hop.verification === 'report' ? `${by} (report only)` : by;
}
