// docs/errors/CODE.md: one error code, from its row. What happened, what the log shows, how to find
// the cause and how to mend it.

import { errorRows } from '../../src/base/errors.ts';
import type { ErrorCheck, ErrorCode, ErrorRow, RetryAdvice } from '../../src/base/errors.ts';
import { logLineOf } from './log-lines.ts';
import { codeBlock, item, numbered, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';
import { shellVariables } from './shell-variables.ts';

const retries: Readonly<Record<RetryAdvice, string>> = {
  no: 'never tried again on another server',
  yes: 'another server may be tried, as `proxy_next_upstream` says',
  'if-reused': 'tried again only where the connection came from the pool',
  'if-resumed': 'always tried again at the same server, at once, with a full handshake',
};

/** The pages of all codes, by their path relative to the repository. */
export function errorPages(inline: Inline): [path: string, text: string][] {
  const codes = Object.keys(errorRows) as ErrorCode[];
  return codes.map((code) => [`docs/errors/${code}.md`, errorPage(code, errorRows[code], inline)]);
}

function errorPage(code: ErrorCode, row: ErrorRow, inline: Inline): string {
  const list = (texts: readonly string[]): string =>
    texts.map((text) => item(inline(text))).join('\n');
  return page([
    `# \`${code}\``,
    'Made from the rows in `src/base/` by `npm run docs`; not to be edited. [All codes](../errors.md)',
    paragraph(inline(row.help)),
    facts(row),
    ...logSection(code, row, inline),
    '## Likely causes',
    numbered(row.causes.map(inline)),
    ...checkSection(code, row, inline),
    '## How to mend it',
    list(row.mend),
    ...(row.example === null ? [] : [codeBlock('nginx', row.example.text)]),
    ...(row.never.length === 0 ? [] : ['## What not to do', list(row.never)]),
  ]);
}

function facts({ source, status, level, retry }: ErrorRow): string {
  const seen = retry === 'if-resumed' ? 'nothing, its request goes on' : answer(status);
  const facts = [item(`What the client sees: ${seen}.`), item(`Log level: ${level}`)];
  if (source === 'upstream') facts.push(item(`Retry: ${retries[retry]}`));
  return facts.join('\n');
}

function answer(status: number): string {
  if (status === 0) return 'nothing, there is no request yet';
  if (status === 499) return 'nothing, it has gone; the access log has 499';
  return `status ${status}, and nothing about the inside; \`error_page ${status}\` applies`;
}

function logSection(code: ErrorCode, row: ErrorRow, inline: Inline): string[] {
  const line = logLineOf(code, row);
  if (line === null) return [];
  return [
    '## What the log line shows',
    paragraph(inline(line.intro)),
    codeBlock('text', line.sample.replaceAll('CODE', code)),
    line.fields.map(({ name, help }) => item(`\`${name}\`: ${inline(help)}`)).join('\n'),
  ];
}

function checkSection(code: ErrorCode, { checks, source }: ErrorRow, inline: Inline): string[] {
  if (checks.length === 0) return [];
  const variables = shellVariables(checks, source, code);
  return [
    '## How to find out',
    ...(variables === '' ? [] : ['Put in what the log line says:', codeBlock('sh', variables)]),
    ...checks.flatMap((check) => checkBlocks(check, inline)),
  ];
}

function checkBlocks({ look, run }: ErrorCheck, inline: Inline): string[] {
  return [paragraph(inline(look)), codeBlock('sh', run)];
}
