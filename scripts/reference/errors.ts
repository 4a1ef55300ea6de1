// docs/errors.md: every error code, from its row.

import { errorRows } from '../../src/base/errors.ts';
import type { ErrorSource, RetryAdvice } from '../../src/base/errors.ts';
import { item, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';

const sections: Readonly<Record<ErrorSource, string>> = {
  config: 'Configuration and start',
  client: 'From clients',
  upstream: 'From upstream servers',
  internal: 'In the proxy itself',
};

const retries: Readonly<Record<RetryAdvice, string>> = {
  no: 'never tried again',
  yes: 'another server may be tried, as `proxy_next_upstream` says',
  'if-reused': 'tried again only where the connection came from the pool',
};

/** The page of all error codes. */
export function errorsPage(inline: Inline): string {
  const intro =
    'A code, once published, keeps its meaning: match on it, never on the words around it. The ' +
    'error log has it before the message; programs find it as `code` of a `SallyportError`. ' +
    'Clients see the status and nothing else.';
  return page([
    '# Error codes',
    'Made from the rows in `src/base/errors.ts` by `npm run docs`; not to be edited.',
    paragraph(intro),
    ...Object.entries(sections).flatMap(([source, title]) => [
      `## ${title}`,
      ...entries(source, inline),
    ]),
  ]);
}

function entries(source: string, inline: Inline): string[] {
  return Object.entries(errorRows)
    .filter(([, row]) => row.source === source)
    .flatMap(([code, row]) => {
      const status = row.status === 0 ? 'none' : String(row.status);
      const facts = [item(`Status for the client: ${status}`), item(`Log level: ${row.level}`)];
      if (source === 'upstream') facts.push(item(`Retry: ${retries[row.retry]}`));
      return [`### \`${code}\``, paragraph(inline(row.help)), facts.join('\n')];
    });
}
