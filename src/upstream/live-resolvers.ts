// The resolvers of one worker. Those with equal settings are one, so that all locations and groups
// share what it knows, also over a change of configuration.

import { NameResolver, type ResolverLog, type ResolverSettings } from './resolver.ts';

interface Held {
  readonly resolver: NameResolver;
  holders: number;
}

/** All resolvers of a worker. */
export class LiveResolvers {
  readonly #held = new Map<string, Held>();
  /** Of the configuration that is served: where resolvers say what goes wrong. */
  log: ResolverLog | null = null;

  /** The resolver of these settings. To be given back with `release`. */
  acquire(settings: ResolverSettings): NameResolver {
    const key = JSON.stringify(settings);
    let held = this.#held.get(key);
    if (held === undefined) {
      const log: ResolverLog = (level, message) => this.log?.(level, message);
      held = { resolver: new NameResolver(settings, log), holders: 0 };
      this.#held.set(key, held);
    }
    held.holders += 1;
    return held.resolver;
  }

  /** Its last holder gone, a resolver ends. */
  release(resolver: NameResolver): void {
    const key = JSON.stringify(resolver.settings);
    const held = this.#held.get(key);
    if (held?.resolver !== resolver) return;
    held.holders -= 1;
    if (held.holders > 0) return;
    this.#held.delete(key);
    resolver.close();
  }

  /** Ends all of them. */
  closeAll(): void {
    for (const { resolver } of this.#held.values()) resolver.close();
    this.#held.clear();
  }
}
