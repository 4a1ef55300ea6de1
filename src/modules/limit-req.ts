// `limit_req`: how many requests a second there may be for a key. Those above the rate wait, up to
// the burst; those above that are refused. Runs before the checks of access.

import { steadyNow } from '../base/steady-clock.ts';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { guarded, resumePhases } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { belowLevel, keyOf, Verdict, type LimitAnswer } from './limit-rows.ts';
import { Look, type RequestZone } from './request-zone.ts';

/** Longest key, in bytes. */
const longestKey = 65_535;

/** One `limit_req` of a location. */
export interface RequestLimit {
  readonly zone: RequestZone;
  readonly key: Template;
  /** Requests above the rate, in thousandths: so many pass, and so many of those without delay. */
  readonly burst: number;
  readonly free: number;
}

/** A request that waits for its turn. */
class Wait implements ExchangeOwner {
  readonly survivesAbort = false;
  readonly #timer: NodeJS.Timeout;

  constructor(x: Exchange, ms: number) {
    this.#timer = setTimeout(() => {
      x.owner = null;
      guarded(x, resumePhases);
    }, ms);
  }

  onClientDrain(): void {
    // It has sent nothing.
  }

  onClientAborted(): void {
    clearTimeout(this.#timer);
  }
}

/** Excess as the error log has it: requests with three decimals. */
function inRequests(excess: number): string {
  return `${Math.floor(excess / 1000)}.${String(excess % 1000).padStart(3, '0')}`;
}

/** The limits of one location. */
export class RequestLimiter {
  readonly #limits: readonly RequestLimit[];
  readonly #answer: LimitAnswer;
  /** Of the request at hand, by limit; empty where the limit does not concern it. */
  readonly #keys: string[];
  #time = 0;

  constructor(limits: readonly RequestLimit[], answer: LimitAnswer) {
    this.#limits = limits;
    this.#answer = answer;
    this.#keys = limits.map(() => '');
  }

  /** The handler. After an internal redirect, or in a subrequest, it may have been counted already. */
  handle(x: Exchange): number {
    if (x.main.requestLimit !== Verdict.none) return NEXT;
    const limits = this.#limits;
    const last = limits.length - 1;
    let found: number = Look.within;
    let any = false;
    this.#time = steadyNow();
    for (let i = 0; i <= last && found === Look.within; i += 1) {
      const limit = limits[i];
      if (limit === undefined) break;
      const key = keyOf(x, limit.key, longestKey);
      this.#keys[i] = key;
      if (key === '') continue;
      any = true;
      found = limit.zone.look(key, limit.burst, this.#time, i === last);
      if (found > Look.within) return this.#refuse(x, limit.zone, found);
    }
    if (!any) return NEXT;
    return this.#pass(x, found === Look.counted ? last : -1);
  }

  #refuse(x: Exchange, zone: RequestZone, found: number): number {
    const { dryRun, level, status } = this.#answer;
    if (found === Look.over) {
      const dry = dryRun ? ', dry run' : '';
      const excess = inRequests(zone.excess);
      logError(x, level, `limiting requests${dry}, excess: ${excess} by zone "${zone.name}"`);
    } else {
      logError(x, 'alert', `could not allocate node in limit_req zone "${zone.name}"`);
    }
    x.main.requestLimit = dryRun ? Verdict.rejectedDryRun : Verdict.rejected;
    return dryRun ? NEXT : status;
  }

  /** @param counted - index of the limit that has counted the request already; -1 for none */
  #pass(x: Exchange, counted: number): number {
    let delay = 0;
    let excess = 0;
    let slowest = '';
    // From the last to the first, as in nginx: of two equal delays the log names the former.
    for (let i = this.#limits.length - 1; i >= 0; i -= 1) {
      const limit = this.#limits[i];
      const key = this.#keys[i] ?? '';
      if (limit === undefined || key === '') continue;
      const { zone, free } = limit;
      if (i !== counted) zone.count(key, this.#time);
      const own = zone.delayFor(zone.excess, free);
      if (own <= delay) continue;
      delay = own;
      excess = zone.excess;
      slowest = zone.name;
    }
    if (delay === 0) {
      x.main.requestLimit = Verdict.passed;
      return NEXT;
    }
    const { dryRun, level } = this.#answer;
    const dry = dryRun ? ', dry run' : '';
    const text = `delaying request${dry}, excess: ${inRequests(excess)}, by zone "${slowest}"`;
    logError(x, belowLevel(level), text);
    x.main.requestLimit = dryRun ? Verdict.delayedDryRun : Verdict.delayed;
    if (dryRun) return NEXT;
    x.owner = new Wait(x, delay);
    return HANDLED;
  }
}
