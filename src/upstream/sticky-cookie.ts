// `sticky cookie`: the client keeps the id of its server in a cookie, which each answer sets.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Getter } from '../exchange/variable.ts';
import type { Template } from '../exchange/template.ts';
import type { Binding } from './sticky.ts';

export interface StickyCookieSettings {
  readonly name: string;
  /** The cookie's value in a request. */
  readonly get: Getter;
  /** Seconds; 'max': the end of 2037; null: until the client is closed. */
  readonly expires: number | 'max' | null;
  readonly domain: Template | null;
  readonly path: string | null;
  readonly httponly: boolean;
  readonly secure: boolean;
  readonly samesite: Template | null;
}

/** The values that `samesite=` knows. */
export function isSameSite(value: string): boolean {
  return /^(strict|lax|none)$/i.test(value);
}

const lastDay = '; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000';

export class StickyCookie implements Binding {
  readonly #settings: StickyCookieSettings;

  constructor(settings: StickyCookieSettings) {
    this.#settings = settings;
  }

  lookup(x: Exchange): string | null {
    return this.#settings.get(x) || null;
  }

  onHead(x: Exchange, sid: string): void {
    x.fields.add('Set-Cookie', this.#cookie(x, sid));
  }

  onEnd(): void {}

  // Attributes in nginx's order and letters.
  #cookie(x: Exchange, sid: string): string {
    const { name, expires, domain, path, httponly, secure, samesite } = this.#settings;
    let text = `${name}=${sid}`;
    if (expires === 'max') text += lastDay;
    else if (expires !== null) text += `; expires=${cookieTime(expires)}; max-age=${expires}`;
    const site = domain?.evaluate(x) ?? '';
    if (site !== '') text += `; domain=${site}`;
    if (httponly) text += '; httponly';
    if (secure) text += '; secure';
    const same = samesite?.evaluate(x) ?? '';
    if (same !== '') text += `; samesite=${isSameSite(same) ? same : 'strict'}`;
    return path === null ? text : `${text}; path=${path}`;
  }
}

// "Thu, 31-Dec-37 23:55:55 GMT"; from 2038 on with all digits of the year, as nginx has it.
function cookieTime(seconds: number): string {
  const date = new Date(now() + seconds * 1000);
  const [week = '', day = '', month = '', year = '', clock = ''] = date.toUTCString().split(' ');
  const shown = date.getUTCFullYear() > 2037 ? year : year.slice(-2);
  return `${week} ${day}-${month}-${shown} ${clock} GMT`;
}
