// What a line of the access log costs.
//
//   npm run bench -- micro log-line

import type { DirectiveNode } from '../../src/config/node.ts';
import type { Scope } from '../../src/config/scope.ts';
import { LineBuffer } from '../../src/log/line-buffer.ts';
import type { BuildContext } from '../../src/modules/build-context.ts';
import { formatNamed } from '../../src/modules/log-format.ts';
import { browserRequest, exchangeOf, shortRequest, variables } from './exchange.ts';
import { measure } from './measure.ts';

// The built-in formats need nothing else of a configuration.
const scope = { get: () => [] } as unknown as Scope;
const context = { variables } as unknown as BuildContext;
const at = { file: 'bench', line: 1, column: 1 } as unknown as DirectiveNode['at'];

for (const [request, lines] of [
  ['short request', shortRequest],
  ['browser', browserRequest],
] as const) {
  const x = exchangeOf(lines);
  for (const format of ['combined', 'upstream', 'json']) {
    const write = formatNamed(format, at, scope, context);
    const buffer = new LineBuffer();
    measure(`${request}, ${format}`, () => {
      buffer.length = 0;
      write(x, buffer);
      return buffer.length;
    });
  }
}
