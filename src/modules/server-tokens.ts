// `server_tokens`: what the Server field and error pages say of this program.

import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Template } from '../exchange/template.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { productToken } from './product.ts';

/** A word, or a text of the configuration's own. */
type ServerTokens = 'on' | 'off' | 'build' | Argument;

const words = ['on', 'off', 'build'] as const;

const tokensValue: ValueType<ServerTokens> = {
  expects: '"on", "off", "build", or a text, perhaps with variables',
  parse(node) {
    const [given] = node.args;
    if (given === undefined) return null;
    return words.find((word) => word === given.text.toLowerCase()) ?? given;
  },
};

export const serverTokens = directive<ServerTokens>({
  name: 'server_tokens',
  contexts: inHttpServerLocation,
  args: 1,
  value: tokensValue,
  default: 'off',
  defaultText: 'off',
  help:
    'Whether the Server field and error pages show the version ("on"; "build" is the same here), or ' +
    'what they show in place of the name: a text with variables. An empty one leaves both out.',
  differs:
    "off by default: the version is nobody's business. A text is taken, as by nginx's commercial " +
    'version',
  example: 'server_tokens "gateway $hostname";',
});

/** What clients are told, `template` where it depends on the request. */
export interface ServerSignature {
  readonly token: string;
  readonly template: Template | null;
}

export function serverSignature(scope: Scope, context: BuildContext): ServerSignature {
  const given = scope.get(serverTokens);
  if (typeof given === 'string') return { token: productToken(given !== 'off'), template: null };
  const template = context.template(given);
  if (template.constant === null) return { token: '', template };
  return { token: template.constant, template: null };
}
