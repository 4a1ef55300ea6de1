// docs/tls.md: everything about TLS on both sides, from the rows of directives, variables and errors.
// What no single row can say is in tls-text.ts.

import type { VariableRow } from '../../src/exchange/variable.ts';
import type { DirectiveRow } from '../../src/config/row.ts';
import type { ForeignDirectives } from '../../src/config/directive-index.ts';
import { directiveFacts, sorted } from './directives.ts';
import { upstreamTlsList } from './errors.ts';
import { codeBlock, item, numbered, page, paragraph, sentence } from './markdown.ts';
import type { Inline } from './markdown.ts';
import { serverParameters } from './server-parameters.ts';
import {
  introduction,
  policyKey,
  reloading,
  resumption,
  towardsClients,
  verificationOrder,
  weakening,
} from './tls-text.ts';
import type { TextBlock } from './tls-text.ts';
import { variableList } from './variables.ts';

/** What the page is made from. */
export interface TlsSources {
  readonly rows: readonly DirectiveRow[];
  readonly variables: readonly VariableRow[];
  /** nginx's directives, to tell which of them are refused. */
  readonly foreign: ForeignDirectives;
}

const upstreamDirective = /^proxy_ssl_/;
const clientDirective = /^ssl_/;

/** Does a directive belong on the page? */
export function isTlsDirective(name: string): boolean {
  return upstreamDirective.test(name) || clientDirective.test(name);
}

/** Does a variable belong on the page? */
export function isTlsVariable(name: string): boolean {
  return name.startsWith('ssl_') || name.startsWith('upstream_ssl_');
}

/** The page about TLS. */
export function tlsPage(sources: TlsSources, inline: Inline): string {
  const blocks = (texts: readonly TextBlock[]): string[] =>
    texts.map((block) => textBlock(block, inline));
  const variables = (prefix: string): string =>
    variableList(
      sources.variables.filter(({ name }) => name.startsWith(prefix)),
      inline,
    );
  return page([
    '# TLS',
    'Made from the rows in `src/modules/` by `npm run docs`; not to be edited.',
    ...blocks(introduction),
    '## What is verified, and in which order',
    ...blocks(verificationOrder),
    '## What a connection belongs to: the policy key',
    ...blocks(policyKey),
    'Why, and what it costs: [decision 0004](decisions/0004-policy-keys.md).',
    '## What happens on resumption',
    ...blocks(resumption),
    '## Weaker, with a paper trail',
    ...blocks(weakening),
    '## When files change',
    ...blocks(reloading),
    '## Towards upstream servers',
    ...directiveBlocks(sources, upstreamDirective, inline),
    '### Parameters of `server` in `upstream`',
    ...parameterBlocks(inline),
    '### Variables `$upstream_ssl_*`',
    paragraph(inline(upstreamVariables)),
    variables('upstream_ssl_'),
    '### Errors',
    paragraph(inline(errors)),
    upstreamTlsList('', inline),
    '## Towards clients',
    ...blocks(towardsClients),
    ...directiveBlocks(sources, clientDirective, inline),
    '### Variables `$ssl_*`',
    variables('ssl_'),
  ]);
}

const upstreamVariables =
  'One value for each server that was tried, separated by ", " as in `$upstream_addr`. On a ' +
  'resumed connection those about the certificate are of the full handshake that it goes back to.';

const errors =
  'The client gets 502 and nothing about the inside. The log line has the code, the names wanted ' +
  'and presented, chain, dates, fingerprint and what mends it. A refused certificate is never ' +
  'tried again on another server.';

function textBlock(block: TextBlock, inline: Inline): string {
  if (typeof block === 'string') return paragraph(inline(block));
  if ('code' in block) return codeBlock('nginx', block.code);
  if ('steps' in block) return numbered(block.steps.map(inline));
  return block.items.map((text) => item(inline(text))).join('\n');
}

function directiveBlocks(
  { rows, foreign }: TlsSources,
  belongs: RegExp,
  inline: Inline,
): readonly string[] {
  const ours = sorted(rows.filter(({ name }) => belongs.test(name)));
  const applied = ours.filter(({ withoutEffect }) => withoutEffect === null);
  const known = new Set(rows.map(({ name }) => name));
  const left = [...foreign]
    .filter(([name]) => belongs.test(name) && !known.has(name))
    .filter(([, entries]) => entries.some(({ module }) => !module.startsWith('ngx_stream_')))
    .map(([name]) => name);
  const others = [
    ...ours
      .filter(({ withoutEffect }) => withoutEffect !== null)
      .map((row) => `\`${row.name}\`: without effect. ${sentence(row.withoutEffect ?? '')}`),
    ...left.map((name) => `\`${name}\`: refused, with its place; it is not implemented.`),
  ];
  return [
    ...applied.flatMap((row) => [`### \`${row.name}\``, ...directiveFacts(row, inline)]),
    ...(others.length === 0 ? [] : ['### Others of nginx']),
    ...(others.length === 0 ? [] : [others.map((text) => item(inline(text))).join('\n')]),
  ];
}

function parameterBlocks(inline: Inline): readonly string[] {
  const intro =
    'What they say of one server wins over the directives of the location. A server with any of ' +
    'them has a policy of its own, and so its own connections and sessions.';
  return [
    paragraph(inline(intro)),
    serverParameters.map(({ syntax, help }) => item(`\`${syntax}\`: ${inline(help)}`)).join('\n'),
    codeBlock('nginx', serverExample),
  ];
}

/** Of a group whose servers are not alike; content of `http`. */
export const serverExample = `upstream orders {
    # The certificate is for another name than the one that is connected to.
    server 192.0.2.10:8443 ssl_name=orders-1.internal;

    # Another company's server, with its CA, and a certificate that it knows us by.
    server orders.partner.example:443
        ssl_trusted_certificate=/etc/sallyport/partner-ca.pem
        ssl_certificate=/etc/sallyport/at-partner.pem
        ssl_certificate_key=/etc/sallyport/at-partner.key;

    # Not only any certificate for this name, but these keys: in use, and in reserve.
    server vault.internal:8443
        ssl_pin=sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=
        ssl_pin=sha256/xsHJqchUPx5M2YAGTPFiXuthqQcDskZP/wOfIWglCLM=;
}`;
