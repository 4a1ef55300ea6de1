// A configuration as levels (http, server, location, if …) that inherit, without knowledge of most
// directives: what stands at the nearest level holds, as for nearly all of nginx's.

import type { DirectiveNode } from '../config/node.ts';

export type LevelKind =
  | 'main'
  | 'http'
  | 'stream'
  | 'mail'
  | 'server'
  | 'location'
  | 'if'
  | 'limit_except'
  | 'upstream'
  | 'other';

/** A directive with the level that it stands at. */
export interface Placed {
  readonly level: Level;
  readonly node: DirectiveNode;
}

/** One block, or the whole. */
export class Level {
  readonly kind: LevelKind;
  /** The directive that opens it; null for the whole. */
  readonly node: DirectiveNode | null;
  readonly parent: Level | null;
  readonly children: Level[] = [];
  readonly #own = new Map<string, DirectiveNode[]>();
  #below: Map<string, Placed[]> | null = null;
  /** Its directives in order, blocks among them. */
  readonly nodes: readonly DirectiveNode[];

  constructor(
    kind: LevelKind,
    parent: Level | null,
    node: DirectiveNode | null,
    nodes: readonly DirectiveNode[],
  ) {
    this.kind = kind;
    this.node = node;
    this.parent = parent;
    this.nodes = nodes;
    for (const one of nodes) {
      const same = this.#own.get(one.name);
      if (same === undefined) this.#own.set(one.name, [one]);
      else same.push(one);
    }
  }

  /** The directives of that name at this very level. */
  own(name: string): readonly DirectiveNode[] {
    return this.#own.get(name) ?? [];
  }

  /** Those of the nearest level that has any, this one included. */
  effective(name: string): readonly DirectiveNode[] {
    const own = this.own(name);
    if (own.length > 0 || this.parent === null) return own;
    return this.parent.effective(name);
  }

  /** The last of them; null where no level has any. */
  last(name: string): DirectiveNode | null {
    return this.effective(name).at(-1) ?? null;
  }

  /** The first argument of the last of them; null where no level has any. */
  value(name: string): string | null {
    return this.last(name)?.args[0]?.text ?? null;
  }

  /** Is a flag on? @param usual - where no level says */
  isOn(name: string, usual: boolean): boolean {
    const value = this.value(name);
    return value === null ? usual : value.toLowerCase() === 'on';
  }

  /** The nearest level of this kind, this one included; null where there is none. */
  around(kind: LevelKind): Level | null {
    if (this.kind === kind) return this;
    return this.parent === null ? null : this.parent.around(kind);
  }

  /** This level and all below it. */
  *walk(): Generator<Level> {
    yield this;
    for (const child of this.children) yield* child.walk();
  }

  /** All directives at this level and below it. */
  *all(): Generator<Placed> {
    for (const level of this.walk()) for (const node of level.nodes) yield { level, node };
  }

  /** Those of them with that name. The first call makes an index: for the whole, and for servers. */
  find(name: string): readonly Placed[] {
    if (this.#below === null) {
      this.#below = new Map();
      for (const placed of this.all()) {
        const same = this.#below.get(placed.node.name);
        if (same === undefined) this.#below.set(placed.node.name, [placed]);
        else same.push(placed);
      }
    }
    return this.#below.get(name) ?? [];
  }

  /** The levels from this one outwards. */
  *outwards(): Generator<Level> {
    yield this;
    if (this.parent !== null) yield* this.parent.outwards();
  }
}

const kinds: Readonly<Record<string, LevelKind>> = {
  http: 'http',
  stream: 'stream',
  mail: 'mail',
  server: 'server',
  location: 'location',
  if: 'if',
  limit_except: 'limit_except',
  upstream: 'upstream',
};

/** Builds the levels. A part of a configuration stands in the levels that it must be meant for. */
export function buildTree(nodes: readonly DirectiveNode[]): Level {
  const root = new Level('main', null, null, nodes);
  addChildren(root, guessKind(nodes));
  return root;
}

// A file of `server` blocks belongs into http, one of locations into a server.
function guessKind(nodes: readonly DirectiveNode[]): LevelKind {
  const has = (name: string): boolean => nodes.some((node) => node.name === name);
  if (has('http') || has('stream') || has('events')) return 'main';
  if (nodes.some(({ name, block }) => name === 'server' && block !== null)) return 'http';
  if (has('location') || has('listen') || has('server_name')) return 'server';
  return has('proxy_pass') ? 'location' : 'main';
}

function addChildren(level: Level, as: LevelKind): void {
  for (const node of level.nodes) {
    if (node.block === null) continue;
    // `server` in a group is a line; a block of that name in `upstream` is nothing of nginx's.
    const kind = as === 'upstream' ? 'other' : (kinds[node.name] ?? 'other');
    const child = new Level(kind, level, node, node.block);
    level.children.push(child);
    addChildren(child, kind);
  }
}
