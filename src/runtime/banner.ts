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

/** The count of the hops, and a warning for each that is less than fully verified. */
export function hopLines(hops: readonly HopSummary[]): readonly BannerLine[] {
  if (hops.length === 0) return [];
  const of = (mode: HopSummary['mode']): HopSummary[] => hops.filter((hop) => hop.mode === mode);
  const parts = [
    `${of('on').length} verified`,
    ...counted(of('report'), 'verified in report mode only'),
    ...counted(of('off'), 'not verified'),
    ...counted(of('plain'), 'without TLS'),
  ];
  const noun = hops.length === 1 ? 'hop' : 'hops';
  const summary = `${hops.length} upstream ${noun}: ${parts.join(', ')}`;
  // Level error, which logs have by default: a hop that anybody can be at the end of has to be seen.
  const weaker = hops
    .filter(({ mode }) => mode === 'off' || mode === 'report')
    .map((hop): BannerLine => ({ level: 'error', text: weakLine(hop) }));
  return [{ level: 'notice', text: summary }, ...weaker];
}

function counted(hops: readonly HopSummary[], what: string): readonly string[] {
  if (hops.length === 0) return [];
  return [`${hops.length} ${what} (${hops.map((hop) => hop.from).join(', ')})`];
}

function weakLine(hop: HopSummary): string {
  const state = hop.mode === 'off' ? 'not verified' : 'verified in report mode only';
  const details = [
    ...(hop.note === '' ? [] : [hop.note]),
    ...(hop.until === null ? [] : [`until ${hop.until}`]),
    ...(hop.reason === null ? [] : [`reason: "${hop.reason}"`]),
  ];
  const why = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return `${hop.from}: the hop to ${hop.to} is ${state}${why}`;
}
