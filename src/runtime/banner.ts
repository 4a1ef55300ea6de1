// What the error log says at a start and after a reload: the versions, where it listens, and how
// far the hops to the upstream servers are verified. Every weaker hop is named.

import { formatAddress } from '../base/address.ts';
import type { LogLevel } from '../base/errors.ts';
import type { HopSummary } from '../modules/hop.ts';
import type { BoundAddress } from './listen-sockets.ts';
import { version } from '../base/version.ts';

/** One line for the error log. */
export interface BannerLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** Version of this package, of Node and of its OpenSSL. */
export function versionLines(): readonly BannerLine[] {
  const { node, openssl } = process.versions;
  return [
    { level: 'notice', text: `sallyport/${version}` },
    { level: 'notice', text: `running on Node.js ${node} with OpenSSL ${openssl}` },
  ];
}

/** @param addresses - where it really listens */
export function listenLines(addresses: readonly BoundAddress[]): readonly BannerLine[] {
  if (addresses.length === 0) {
    return [{ level: 'warn', text: 'nothing to listen on: the configuration has no server' }];
  }
  const where = addresses.map(({ address }) => formatAddress(address)).join(', ');
  return [{ level: 'notice', text: `listening on ${where}` }];
}

/** The count of the hops, and a warning for each that is not verified. */
export function hopLines(hops: readonly HopSummary[]): readonly BannerLine[] {
  if (hops.length === 0) return [];
  const verified = hops.filter((hop) => hop.encrypted && hop.verified);
  const unverified = hops.filter((hop) => hop.encrypted && !hop.verified);
  const plain = hops.filter((hop) => !hop.encrypted);
  const parts = [
    `${verified.length} verified`,
    ...counted(unverified, 'not verified'),
    ...counted(plain, 'without TLS'),
  ];
  const noun = hops.length === 1 ? 'hop' : 'hops';
  const warnings = unverified.map((hop): BannerLine => {
    const note = hop.note === '' ? '' : ` (${hop.note})`;
    return { level: 'warn', text: `${hop.from}: the hop to ${hop.to} is not verified${note}` };
  });
  const summary = `${hops.length} upstream ${noun}: ${parts.join(', ')}`;
  return [{ level: 'notice', text: summary }, ...warnings];
}

function counted(hops: readonly HopSummary[], what: string): readonly string[] {
  if (hops.length === 0) return [];
  return [`${hops.length} ${what} (${hops.map((hop) => hop.from).join(', ')})`];
}
