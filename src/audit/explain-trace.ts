// What is seen while a configuration is built and one request goes through it.

import type { DirectiveNode } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT, type Handler } from '../exchange/handler.ts';
import type { ProxySettings } from '../forward/proxy-settings.ts';
import type { ErrorLogSink } from '../log/error-log.ts';
import { LineBuffer } from '../log/line-buffer.ts';
import type { BuildTrace } from '../modules/build-trace.ts';
import type { LineWriter } from '../modules/log-format.ts';
import type { Location } from '../server/location.ts';
import type { ServerName } from '../server/server-names.ts';
import type { VirtualServer } from '../server/virtual-server.ts';
import { explainCandidates } from './explain-choice.ts';
import type { ExplainedStep } from './explain-model.ts';
import { explainPass, type Passed } from './explain-pass.ts';
import { directiveText, readable, scopeText } from './explain-words.ts';

/** A request that would go out, with the place of its `proxy_pass`. */
export interface PassedFrom extends Passed {
  readonly scope: Scope;
  readonly sub: boolean;
}

/** A line that would be logged. */
export interface LoggedLine {
  readonly target: string;
  readonly line: string;
}

type RewriteStep = ExplainedStep & { readonly kind: 'rewrite' };

export class ExplainTrace implements BuildTrace {
  readonly locations = new Map<Scope, Location>();
  readonly servers = new Map<VirtualServer, { scope: Scope; names: readonly ServerName[] }>();
  readonly steps: ExplainedStep[] = [];
  readonly passed: PassedFrom[] = [];
  readonly accessLines: LoggedLine[] = [];
  readonly errorLines: LoggedLine[] = [];
  /** The scope that the request is in. */
  current: Scope | null = null;
  #depth = 0;

  /** Forgets the request before. */
  begin(): void {
    for (const list of [this.steps, this.passed, this.accessLines, this.errorLines]) {
      list.length = 0;
    }
    this.current = null;
  }

  builtLocation(location: Location, scope: Scope): void {
    this.locations.set(scope, location);
  }

  builtServer(server: VirtualServer, scope: Scope, names: readonly ServerName[]): void {
    this.servers.set(server, { scope, names });
  }

  enter(x: Exchange, scope: Scope): void {
    const sub = x.parent !== null;
    if (!sub) this.current = scope;
    const server = this.servers.get(x.server as VirtualServer);
    const searched = scope.context === 'location' && scope.node?.args[0]?.text[0] !== '@';
    const candidates =
      searched && server !== undefined
        ? explainCandidates(server.scope, this.locations, { uri: x.uri, chosen: scope })
        : [];
    const { uri } = x;
    const at = scope.node?.at ?? null;
    const location = scopeText(scope);
    this.steps.push({ kind: 'location', location, at, uri: readable(uri), candidates, sub });
  }

  /** A location may answer before its handlers: with its slash, or since it is `internal`. */
  end(x: Exchange): void {
    for (const [scope, location] of this.locations) {
      if (location === x.location && scope !== this.current) this.enter(x, scope);
    }
  }

  step(node: DirectiveNode, run: Handler): Handler {
    const directive = directiveText(node);
    return (x) => {
      const before = { uri: x.uri, args: x.args, location: x.location, status: x.status };
      const depth = this.#depth;
      const place = this.steps.length;
      this.#depth += 1;
      const verdict = run(x);
      this.#depth = depth;
      const inner = this.steps.splice(place);
      const held = inner.length > 0 || verdict !== NEXT || x.location !== before.location;
      const changed = held || x.uri !== before.uri || x.args !== before.args;
      const outcome = outcomeOf(
        node,
        verdict === HANDLED && x.headSent ? x.status : verdict,
        changed,
      );
      const { uri, args } = x;
      const step: RewriteStep = {
        kind: 'rewrite',
        directive,
        at: node.at,
        depth,
        outcome,
        uri: readable(uri),
        args: readable(args),
        sub: x.parent !== null,
      };
      this.steps.push(step, ...inner);
      return verdict;
    };
  }

  pass(x: Exchange, settings: ProxySettings, scope: Scope): number {
    return explainPass(x, settings, (_, passed) => {
      this.passed.push({ ...passed, scope, sub: x.parent !== null });
    });
  }

  accessLine(x: Exchange, target: string, write: LineWriter): void {
    const buffer = new LineBuffer(1024);
    write(x, buffer);
    const line = buffer.take().toString('utf8').trimEnd();
    this.accessLines.push({ target: readable(target), line });
  }

  errorSink(target: string): ErrorLogSink {
    return {
      write: (text) => {
        this.errorLines.push({ target, line: text.trimEnd() });
      },
    };
  }
}

function outcomeOf(node: DirectiveNode, verdict: number, changed: boolean): string {
  if (verdict >= 200) return `answers ${verdict}`;
  if (verdict === HANDLED) return 'answers';
  switch (node.name) {
    case 'if':
      return changed ? 'holds' : 'does not hold';
    case 'set':
    case 'break':
      return 'done';
    default:
      return changed ? 'matches' : 'does not match, or changes nothing';
  }
}
