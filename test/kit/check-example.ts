// Whether a piece of configuration could stand in a context: for the examples of the documents. Their
// files are not looked for.

import { checkConfiguration } from '../../src/config/check.ts';
import { Diagnostics, formatDiagnostic } from '../../src/config/diagnostic.ts';
import { parseConfiguration } from '../../src/config/parser.ts';
import type { Context } from '../../src/config/row.ts';
import { directiveRows } from '../../src/modules/index.ts';
import { foreignDirectives } from '../../src/modules/nginx-directives.ts';

const around: Readonly<Partial<Record<Context, (text: string) => string>>> = {
  main: (text) => text,
  events: (text) => `events { ${text} }`,
  http: (text) => `http { ${text} }`,
  upstream: (text) => `http { upstream example { ${text} } }`,
  server: (text) => `http { server { ${text} } }`,
  location: (text) => `http { server { location / { ${text} } } }`,
};

/** The errors in a text that stands in a context, as lines; none where it is right. */
export function problemsOf(text: string, context: Context): string[] {
  const wrap = around[context];
  if (wrap === undefined) throw new Error(`no example can stand in ${context}`);
  const diagnostics = new Diagnostics();
  const folder = '/etc/sallyport/';
  const { nodes } = parseConfiguration({
    file: `${folder}example.conf`,
    text: wrap(`\n${text}\n`),
    sources: {
      read: () => {
        throw new Error('an example includes no file');
      },
      glob: () => [],
    },
    diagnostics,
  });
  checkConfiguration(nodes, {
    rows: directiveRows,
    foreign: foreignDirectives,
    diagnostics,
    prefix: folder,
    configFolder: folder,
  });
  return diagnostics.list
    .filter(({ severity }) => severity === 'error')
    .map((one) => formatDiagnostic(one));
}
