// docs/errors.md: the list of all error codes, from their rows.

import { errorRows } from '../../src/base/errors.ts';
import type { ErrorSource } from '../../src/base/errors.ts';
import { item, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';

const sections: Readonly<Record<ErrorSource, string>> = {
  config: 'Configuration and start',
  client: 'From clients',
  upstream: 'From upstream servers',
  internal: 'In the proxy itself',
};

const upstreamTls = 'UPSTREAM_TLS_';

/** The page of all error codes. */
export function errorsPage(inline: Inline): string {
  const intro =
    'A code, once published, keeps its meaning: match on it, never on the words around it. The ' +
    'error log has it before the message; programs find it as `code` of a `SallyportError`. ' +
    'Clients see the status and nothing else. Each code has a page with its causes, how to find ' +
    'out which one it is, and what mends it.';
  return page([
    '# Error codes',
    'Made from the rows in `src/base/errors.ts` by `npm run docs`; not to be edited.',
    paragraph(intro),
    ...Object.entries(sections).flatMap(([source, title]) => [
      `## ${title}`,
      codeList((code, of) => of === source && !code.startsWith(upstreamTls), '', inline),
    ]),
    '## TLS towards upstream servers',
    upstreamTlsList('', inline),
  ]);
}

/** All codes of TLS towards upstream servers, with links. `folder` leads to docs/, from the page. */
export function upstreamTlsList(folder: string, inline: Inline): string {
  return codeList((code) => code.startsWith(upstreamTls), folder, inline);
}

function codeList(
  has: (code: string, source: ErrorSource) => boolean,
  folder: string,
  inline: Inline,
): string {
  return Object.entries(errorRows)
    .filter(([code, { source }]) => has(code, source))
    .map(([code, row]) => item(`[\`${code}\`](${folder}errors/${code}.md): ${inline(row.help)}`))
    .join('\n');
}
