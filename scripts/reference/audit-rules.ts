// docs/rules/ID.md: one rule of the audit, from its row; and docs/audit.md, the list of them.

import { rules } from '../../src/audit/rules/index.ts';
import type { GoldenCase, Rule } from '../../src/audit/rule.ts';
import { auditText } from './audit-text.ts';
import { codeBlock, item, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';

/** The pages, by their path relative to the repository. */
export function auditPages(inline: Inline): [path: string, text: string][] {
  return [
    ['docs/audit.md', page([...auditText, ...ruleList(inline)])],
    ...rules.map((rule): [string, string] => [`docs/rules/${rule.id}.md`, rulePage(rule, inline)]),
  ];
}

function ruleList(inline: Inline): string[] {
  return [
    '## Rules',
    'The severity is the usual one; a finding may be worse or better, as its page says.',
    rules
      .map(({ id, title, severity }) =>
        item(`[\`${id}\`](rules/${id}.md), ${severity}: ${inline(title)}`),
      )
      .join('\n'),
  ];
}

function rulePage(rule: Rule, inline: Inline): string {
  const { id, title, severity, what, why, mend, references, cases } = rule;
  return page([
    `# \`${id}\`: ${inline(title)}`,
    paragraph(
      'Made from the rows in `src/audit/rules/` by `npm run docs`; not to be edited. ' +
        '[All rules](../audit.md)',
    ),
    item(`Severity: ${severity}`),
    '## What is found',
    paragraph(inline(what)),
    '## Why it matters',
    paragraph(inline(why)),
    '## How to mend it',
    paragraph(inline(mend)),
    '## Found',
    'On the lines with `# here`.',
    ...cases.filter(({ lines }) => lines.length > 0).flatMap((one) => example(one, inline)),
    '## Not found',
    ...cases.filter(({ lines }) => lines.length === 0).flatMap((one) => example(one, inline)),
    '## To take a finding back',
    codeBlock('nginx', `# sallyport-audit ignore ${id}: the reason, which the report shows`),
    '## References',
    references.map((one) => item(reference(one, inline))).join('\n'),
  ]);
}

function example(one: GoldenCase, inline: Inline): string[] {
  const circumstances = [
    ...(one.dialect === 'sallyport' ? ["with Sallyport's defaults"] : []),
    ...(one.nginxVersion === undefined ? [] : [`nginx ${one.nginxVersion}`]),
  ];
  const rest = circumstances.length === 0 ? '' : ` (${circumstances.join(', ')})`;
  const text = one.configuration.trimEnd();
  return [paragraph(`${inline(capital(one.title))}${rest}:`), codeBlock('nginx', text)];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Weaknesses and RFCs have addresses of their own.
function reference(text: string, inline: Inline): string {
  const weakness = /^CWE-(\d+)$/.exec(text);
  if (weakness !== null) {
    return `[${text}](https://cwe.mitre.org/data/definitions/${weakness[1] ?? ''}.html)`;
  }
  const rfc = /^RFC (\d+)(?:, section ([\d.]+))?$/.exec(text);
  if (rfc !== null) {
    const section = rfc[2] === undefined ? '' : `#section-${rfc[2]}`;
    return `[${text}](https://www.rfc-editor.org/rfc/rfc${rfc[1] ?? ''}${section})`;
  }
  if (/^https?:/.test(text)) return `<${text}>`;
  const other = /^gixy (\w+)$/.exec(text);
  return other === null ? inline(text) : `\`${other[1] ?? ''}\` of gixy and its kin`;
}
