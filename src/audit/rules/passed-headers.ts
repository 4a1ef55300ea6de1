// What hops send to upstream servers as headers, after inheritance.

import type { DirectiveNode } from '../../config/node.ts';
import type { Hop } from '../model.ts';

/** One `proxy_set_header` that holds for a hop. */
export interface SentHeader {
  readonly name: string;
  readonly value: string;
  readonly node: DirectiveNode;
}

/** The directive that sets headers for a hop; null for uwsgi and stream, which have none. */
export function headerDirective({ kind }: Hop): string | null {
  return kind === 'proxy' || kind === 'grpc' ? `${kind}_set_header` : null;
}

/** The headers that hold for a hop. Names are in lower case. */
export function sentHeaders(hop: Hop): readonly SentHeader[] {
  const directive = headerDirective(hop);
  if (directive === null) return [];
  return hop.level.effective(directive).map((node) => ({
    name: node.args[0]?.text.toLowerCase() ?? '',
    value: node.args[1]?.text ?? '',
    node,
  }));
}

/** The one with this name, in lower case. */
export function sentHeader(hop: Hop, name: string): SentHeader | undefined {
  return sentHeaders(hop).find((header) => header.name === name);
}
