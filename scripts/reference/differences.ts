// docs/differences.md: where the same configuration behaves differently from nginx, from the rows.

import type { DirectiveRow } from '../../src/config/row.ts';
import { heading } from './directives.ts';
import { item, page, paragraph, sentence } from './markdown.ts';
import type { Inline } from './markdown.ts';

// Defaults that differ on purpose, as nginx 1.31 has them. Ours, and why, are in the rows.
const defaultsOfNginx: Readonly<Record<string, string>> = {
  proxy_ssl_verify: 'off',
  proxy_ssl_trusted_certificate: '(none)',
  proxy_ssl_server_name: 'off',
  proxy_ssl_name: '$proxy_host',
  proxy_ssl_verify_depth: '1',
  server_tokens: 'on',
};

// What no single directive's row can say.
const general = [
  'The common name of an upstream certificate is not compared, unless proxy_ssl_verify_cn says so: ' +
    'only its DNS and IP alternative names count (RFC 9525).',
  'Pools of upstream connections and caches of TLS sessions belong to the whole TLS policy of a ' +
    'hop: a location with another CA, name or client certificate never uses what this one opened.',
  'HTTP/1.1 is read strictly: a bare LF, a bare CR, white space before a colon, obsolete line ' +
    'folding, and Transfer-Encoding together with Content-Length are refused. ' +
    'docs/framing.md has every form, beside what nginx does.',
  'Expectations other than 100-continue are answered 417, as is a Connection field that names ' +
    'what framing, routing or identity rest on with 400; nginx takes no notice of either. HTTP/0.9 ' +
    'is refused.',
  'Dates in fields are read as RFC 9110 says, in its three forms to the letter. nginx takes whatever ' +
    'stands for the zone, or nothing there, as GMT, and years of two digits below 70 as 20xx; here ' +
    'those more than 50 years ahead are of the century before.',
  'A directive of nginx that is not implemented is an error with file, line and column.',
];

/** The page of all differences. */
export function differencesPage(rows: readonly DirectiveRow[], inline: Inline): string {
  const differing = rows.filter((row) => row.differs !== null);
  const intro =
    'Everything else behaves as nginx 1.31 does; where it does not, that is a defect. Directives ' +
    'that are accepted without effect are listed in [directives.md](directives.md).';
  return page([
    '# Differences from nginx',
    'Made from the rows in `src/modules/` by `npm run docs`; not to be edited.',
    paragraph(intro),
    '## Defaults',
    defaultsTable(rows),
    '## Directives',
    differing
      .map((row) => item(`${heading(row, differing)}: ${inline(row.differs ?? '')}`))
      .join('\n'),
    '## In general',
    general.map((text) => item(inline(text))).join('\n'),
  ]);
}

function defaultsTable(rows: readonly DirectiveRow[]): string {
  const lines = Object.entries(defaultsOfNginx).map(([name, theirs]) => {
    const ours = rows.find((row) => row.name === name)?.defaultText ?? null;
    if (ours === null) throw new Error(`${name} has no default any more`);
    if (ours === theirs) throw new Error(`the default of ${name} does not differ any more`);
    return `| \`${name}\` | ${cell(theirs)} | ${cell(sentenceless(ours))} |`;
  });
  return ['| directive | nginx | here |', '| --- | --- | --- |', ...lines].join('\n');
}

function cell(text: string): string {
  return text.includes(' ') || text.startsWith('(') ? text.replace(/[()]/g, '') : `\`${text}\``;
}

function sentenceless(text: string): string {
  return sentence(text).startsWith('The ') ? text.slice('the '.length) : text;
}
