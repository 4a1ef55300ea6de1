// A profile as two tables: stages, then the functions that take most. Pure.

import { alignColumns } from '../report/text.ts';
import { samplesByStage, stageOf } from './stages.ts';
import type { Hot } from './stages.ts';

const functionsShown = 30;

/** @param usPerRequest - CPU time of a request, which the shares are also given in */
export function formatProfile(title: string, sites: readonly Hot[], usPerRequest: number): string {
  const all = sites.reduce((sum, { samples }) => sum + samples, 0);
  if (all === 0) return `${title}: no samples\n`;
  const share = (samples: number): string[] => [
    `${((samples / all) * 100).toFixed(1)} %`,
    ((samples / all) * usPerRequest).toFixed(2),
  ];
  const stages = samplesByStage(sites).map(([name, samples]) => [name, ...share(samples)]);
  const functions = sites
    .slice(0, functionsShown)
    .map((site) => [
      `${site.symbol} (${shorten(site.place)})`,
      ...share(site.samples),
      stageOf(site),
    ]);
  return [
    title,
    alignColumns([['stage', 'share', 'µs per request'], ...stages]),
    '',
    alignColumns([['function, own time', 'share', 'µs per request', 'stage'], ...functions]),
    '',
  ].join('\n');
}

function shorten(place: string): string {
  return place
    .replace(/^.*\/(?=(?:src|dist)\/)/, '')
    .replace(/^.*\/(?=[^/]+$)/, (path) => (/^(?:src|dist)\//.test(path) ? path : ''));
}
