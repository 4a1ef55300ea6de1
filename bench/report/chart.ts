// Bar charts as SVG, by hand: one group of horizontal bars a work. Colours follow the reader's light
// or dark theme; the numbers stand beside the bars, so that nothing depends on colour. Pure.

import { formatValue } from './numbers.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The one that the chart is about. */
  readonly isOwn: boolean;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  readonly title: string;
  /** One line below the title: what the numbers are. */
  readonly unit: string;
  readonly groups: readonly BarGroup[];
}

const width = 720;
const labelWidth = 150;
const numberWidth = 70;
const barHeight = 16;
const lineHeight = 22;
const groupGap = 38;
const top = 64;

const style = `text{font:13px system-ui,sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.group{font-weight:600}.soft{fill:#59636e}
.own{fill:#0969da}.other{fill:#afb8c1}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}
.own{fill:#4493f8}.other{fill:#656c76}}`;

/** Draws a chart; each group has a scale of its own, whose longest bar fills the width. */
export function drawChart(chart: Chart): string {
  const parts: string[] = [];
  let y = top;
  for (const group of chart.groups) {
    parts.push(text({ x: 12, y, kind: 'group', words: group.title }));
    y += 8;
    const largest = Math.max(...group.bars.map(({ value }) => value));
    for (const bar of group.bars) {
      parts.push(drawBar(bar, y, largest));
      y += lineHeight;
    }
    y += groupGap - 8;
  }
  const height = y - groupGap + 24;
  const title = escape(`${chart.title}: ${chart.unit}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>${style}</style>
${text({ x: 12, y: 24, kind: 'title', words: chart.title })}
${text({ x: 12, y: 43, kind: 'soft', words: chart.unit })}
${parts.join('\n')}
</svg>
`;
}

function drawBar({ label, value, isOwn }: Bar, y: number, largest: number): string {
  const room = width - labelWidth - numberWidth - 12;
  const length = Math.max(1, (value / largest) * room);
  const base = y + barHeight - 3;
  return [
    text({ x: labelWidth - 8, y: base, kind: 'right', words: label }),
    `<rect class="${isOwn ? 'own' : 'other'}" x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
    text({ x: labelWidth + length + 6, y: base, kind: 'soft', words: formatValue(value) }),
  ].join('\n');
}

function text(label: { x: number; y: number; kind: string; words: string }): string {
  const { x, y, kind, words } = label;
  const anchor = kind === 'right' ? ' text-anchor="end"' : '';
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}"${anchor}>${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
