// The servers of a group whose names are resolved while it runs. When they change, the group gets
// another list and another balancer over it; servers that stay are the same objects, with all that is
// known of them, and requests under way end with the server that they are at.

import type { Balancer } from './balancer.ts';
import type { Peer, ServerTls } from './peer.ts';

/** What of a group changes with its servers. */
export interface GroupView {
  peers: readonly Peer[];
  balancer: Balancer;
  tries: number;
}

/** What finds out who the servers are. */
export interface MemberSource {
  /** Begins to look; what it finds it gives to `Membership.set`. Resolves after the first look. */
  start(members: Membership): Promise<void>;
  stop(): void;
}

/** Who belongs to one group at present, in one worker. */
export class Membership {
  /** Configured: what tells groups of one name apart. */
  readonly definition: string;
  /** What the `server` lines say about TLS: known before any server is. */
  readonly tls: readonly (ServerTls | null)[];
  /** Gives a server that has come a place in shared memory, where the group has some. */
  adopt: ((peer: Peer) => void) | null = null;
  /** Takes it from a server that has left. */
  abandon: ((peer: Peer) => void) | null = null;
  /** Told after servers have left: their idle connections are to be closed. */
  onLeft: (() => void) | null = null;
  readonly #source: MemberSource | null;
  #started: Promise<void> | null = null;
  #peers: readonly Peer[];
  /** Those that never leave. */
  readonly #fixed: ReadonlySet<Peer>;
  /** A group may be in use by several configurations, each with a balancer of its own. */
  readonly #views = new Map<GroupView, (peers: readonly Peer[]) => Balancer>();

  /**
   * @param source - null where the owner calls `set` by itself
   * @param peers - the servers to begin with
   */
  constructor(
    line: { readonly definition: string; readonly tls: readonly (ServerTls | null)[] },
    source: MemberSource | null,
    peers: readonly Peer[] = [],
  ) {
    this.definition = line.definition;
    this.tls = line.tls;
    this.#source = source;
    this.#peers = peers;
    this.#fixed = new Set(peers);
  }

  /** Begins to look for servers, once. Resolves after the first look. */
  start(): Promise<void> {
    this.#started ??= this.#source?.start(this) ?? Promise.resolve();
    return this.#started;
  }

  stop(): void {
    this.#source?.stop();
    for (const peer of this.#peers) if (!this.#fixed.has(peer)) this.abandon?.(peer);
    this.abandon = null;
  }

  /** From now on this view of the group is kept up to date. */
  addView(view: GroupView, balance: (peers: readonly Peer[]) => Balancer): void {
    this.#views.set(view, balance);
  }

  removeView(view: GroupView): void {
    this.#views.delete(view);
  }

  /** The servers are these now. */
  set(peers: readonly Peer[]): void {
    const before = this.#peers;
    if (isSame(before, peers)) return;
    this.#peers = peers;
    const kept = new Set(peers);
    const left = before.filter((peer) => !kept.has(peer));
    for (const peer of left) {
      peer.left = true;
      this.abandon?.(peer);
    }
    for (const peer of peers) if (!before.includes(peer)) this.adopt?.(peer);
    const tries = peers.filter((peer) => !peer.out).length;
    for (const [view, balance] of this.#views) {
      view.peers = peers;
      view.balancer = balance(peers);
      view.tries = tries;
    }
    if (left.length > 0) this.onLeft?.();
  }
}

function isSame(one: readonly Peer[], other: readonly Peer[]): boolean {
  return one.length === other.length && one.every((peer, i) => peer === other[i]);
}
