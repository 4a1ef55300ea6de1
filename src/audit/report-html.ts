// The report as one HTML page that stands alone: no scripts, nothing loaded, light and dark.

import path from 'node:path';
import type { AuditReport } from './audit.ts';
import { severities, type Finding, type Hop } from './model.ts';
import { hopCells, hopColumns } from './report-facts.ts';
import {
  adviceLines,
  probedHops,
  probeParagraph,
  probeStyle,
  probeSummary,
} from './report-probe.ts';
import { rules } from './rules/index.ts';

const style = `
:root { color-scheme: light dark; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3a; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffca60; --good: #7fd99a; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
.scroll { overflow-x: auto; }
th, td { text-align: left; padding: 0.4rem 0.7rem; border-bottom: 1px solid var(--line); }
th { white-space: nowrap; }
td { overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.88rem; }
pre { padding: 0.7rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
.unverified, .open, .critical, .high { color: var(--bad); font-weight: 600; }
.weak, .medium { color: var(--warn); font-weight: 600; }
.verified { color: var(--good); font-weight: 600; }
section { border-left: 4px solid var(--line); padding-left: 1rem; margin: 1.5rem 0; }
.summary { font-size: 1.1rem; }
`;

/** The report as HTML text. */
export function htmlReport(report: AuditReport): string {
  const { name, hops, findings, notes } = report;
  const open = findings.filter(({ suppressed }) => suppressed === null);
  const ignored = findings.filter(({ suppressed }) => suppressed !== null);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of ${escapeHtml(name)}</title>
<style>${style}</style>
</head>
<body>
<h1>What <code>${escapeHtml(path.basename(name))}</code> verifies</h1>
<p class="summary">${summary(hops, open)}</p>
<h2>Hops</h2>
${hops.length === 0 ? '<p>Nothing is passed on to other servers.</p>' : hopTable(hops)}
${probeSections(report)}
<h2>Findings</h2>
${open.length === 0 ? '<p>None.</p>' : open.map(findingSection).join('\n')}
${list('Ignored', ignored.map(ignoredText))}
${list('Not understood or not read', notes)}
</body>
</html>
`;
}

function summary(hops: readonly Hop[], open: readonly Finding[]): string {
  const counts = severities
    .map((severity) => ({
      severity,
      count: open.filter((one) => one.severity === severity).length,
    }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `<span class="${severity}">${count} ${severity}</span>`);
  const bare = hops.filter(({ verdict }) => verdict === 'open' || verdict === 'unverified').length;
  const found = counts.length === 0 ? 'no findings' : counts.join(', ');
  return `${hops.length} hops, ${bare} of them open or not verified; ${found}.`;
}

function hopTable(hops: readonly Hop[]): string {
  const head = hopColumns.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join('');
  return `<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${hops.map(hopRow).join('\n')}
</tbody>
</table></div>`;
}

function hopRow(hop: Hop): string {
  const place = `${path.basename(hop.node.at.file)}:${hop.node.at.line}`;
  const cells = [`${place} (${hop.from})`, ...hopCells(hop)];
  const last = cells.length - 1;
  const html = cells.map((cell, i) => {
    const mark = i === last ? ` class="${hop.verdict}"` : '';
    return `<td${mark}>${escapeHtml(cell)}</td>`;
  });
  const probes = (hop.probe ?? []).map(
    (one) =>
      `<tr><td colspan="${cells.length}" class="${probeStyle[one.verdict]}">probed: ` +
      `${escapeHtml(probeSummary(one))}</td></tr>`,
  );
  return [`<tr>${html.join('')}</tr>`, ...probes].join('\n');
}

function probeSections(report: AuditReport): string {
  const sections = probedHops(report).flatMap((hop) =>
    hop.probe.map((probe) => {
      const { title, facts, advice } = probeParagraph(probe);
      const place = `${path.basename(hop.node.at.file)}:${hop.node.at.line}`;
      const rows = facts.map(
        ([name, text]) =>
          `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(text)}</td></tr>`,
      );
      const write = advice.map(
        (one) =>
          `<p>${escapeHtml(one.title)}:</p>\n<pre>${escapeHtml(adviceLines(one.advice).join('\n'))}</pre>`,
      );
      return `<section>
<h3><code>${escapeHtml(place)}</code> <span class="${probeStyle[probe.verdict]}">${escapeHtml(title)}</span></h3>
<table>${rows.join('\n')}</table>
${write.join('\n')}
</section>`;
    }),
  );
  return sections.length === 0 ? '' : `<h2>Probed servers</h2>\n${sections.join('\n')}`;
}

function findingSection(finding: Finding): string {
  const { severity, rule, message, node, sourceLine, fix } = finding;
  const row = rules.find(({ id }) => id === rule);
  const why = row === undefined ? '' : `<p>${escapeHtml(row.why)}</p>`;
  const write = fix === undefined ? '' : `<p>Write:</p>\n<pre>${escapeHtml(fix)}</pre>`;
  return `<section>
<h3><span class="${severity}">${severity}</span> <code>${escapeHtml(rule)}</code></h3>
<p>${escapeHtml(message)}</p>
<p><code>${escapeHtml(`${node.at.file}:${node.at.line}:${node.at.column}`)}</code></p>
<pre>${escapeHtml(sourceLine)}</pre>
${why}
${write}
</section>`;
}

function ignoredText({ rule, node, suppressed }: Finding): string {
  return `${rule} at ${path.basename(node.at.file)}:${node.at.line}: ${suppressed ?? ''}`;
}

function list(title: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const lines = items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n');
  return `<h2>${escapeHtml(title)}</h2>\n<ul>\n${lines}\n</ul>`;
}

const characters: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => characters[char] ?? char);
}
