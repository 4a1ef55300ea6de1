// `userid`: a cookie of 16 bytes tells users apart: who gave it, when, and which one it was. Its four
// numbers are shown in `$uid_got` and `$uid_set`.

import { randomInt } from 'node:crypto';
import { now } from '../base/clock.ts';
import { addressBytes } from '../base/network.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { settableVariable, variable } from '../exchange/variable.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { cookieValue } from './cookie.ts';
import type { LocationBuild, Module } from './module.ts';
import { userIdSettings, useridRows, type UserIdSettings } from './userid-rows.ts';

/** What is known of the user of a request. */
interface User {
  /** Of the cookie that came; null where there was none, or a malformed one. */
  readonly got: Buffer | null;
  readonly cookie: string;
  /** What is sent; null where nothing is. */
  set: Buffer | null;
  decided: boolean;
}

// By the header filters of a location, since a location is still being built when they are made.
const settingsOf = new WeakMap<object, UserIdSettings>();
const users = new WeakMap<Exchange, User>();
const resets = new WeakMap<Exchange, string>();

// Numbers of cookies: workers share the process but not these.
const startValue = Buffer.alloc(4);
startValue.writeUInt32BE((randomInt(0x1_0000) << 16) >>> 0);
startValue.writeUInt16BE(randomInt(0x1_0000), 2);
const firstNumber = 0x03030302;
const sequence = { v1: 1, on: firstNumber };

const encodedLength = 22;

function userOf(x: Exchange, { name }: UserIdSettings): User {
  const known = users.get(x);
  if (known !== undefined) return known;
  const cookie = cookieValue(x.request.fields.all('cookie'), name.toLowerCase()) ?? '';
  const user = { got: decode(x, cookie), cookie, set: null, decided: false };
  users.set(x, user);
  return user;
}

function decode(x: Exchange, cookie: string): Buffer | null {
  if (cookie === '') return null;
  if (cookie.length < encodedLength) {
    logError(x, 'error', `client sent too short userid cookie "${cookie}"`);
    return null;
  }
  const text = cookie.slice(0, encodedLength);
  if (!/^[A-Za-z0-9+/]+$/.test(text)) {
    logError(x, 'error', `client sent invalid userid cookie "${cookie}"`);
    return null;
  }
  const bytes = Buffer.from(text, 'base64');
  return bytes.readUInt32LE(12) === 0 ? null : bytes;
}

// Decided once for each request: a variable may ask before the head is sent.
function decide(x: Exchange, settings: UserIdSettings): User {
  const user = userOf(x, settings);
  if (user.decided) return user;
  user.decided = true;
  if (user.got !== null && !isReset(x, user.got, settings)) {
    const marked = settings.mark === '' || user.cookie.slice(22, 24) === `${settings.mark}=`;
    user.set = marked ? null : user.got;
    return user;
  }
  user.set = newUser(x, settings);
  return user;
}

function isReset(x: Exchange, got: Buffer, { name }: UserIdSettings): boolean {
  const reset = resets.get(x) ?? '';
  if (reset === '' || reset === '0') return false;
  if (reset === 'log') logError(x, 'notice', `userid cookie "${shown(name, got)}" was reset`);
  return true;
}

function newUser(x: Exchange, { mode, service }: UserIdSettings): Buffer {
  const seconds = Math.floor(now() / 1000) >>> 0;
  const bytes = Buffer.alloc(16);
  startValue.copy(bytes, 8);
  if (mode === 'v1') {
    bytes.writeUInt32LE((service ?? 0) >>> 0, 0);
    bytes.writeUInt32LE(seconds, 4);
    bytes.writeUInt32LE(sequence.v1, 12);
    sequence.v1 = (sequence.v1 + 0x100) >>> 0;
    return bytes;
  }
  if (service === null) serverBytes(x).copy(bytes);
  else bytes.writeUInt32BE(service >>> 0, 0);
  bytes.writeUInt32BE(seconds, 4);
  bytes.writeUInt32BE(sequence.on, 12);
  sequence.on = Math.max((sequence.on + 0x100) >>> 0, firstNumber);
  return bytes;
}

// The last four bytes of the address that the client came to; nothing for a unix socket.
function serverBytes(x: Exchange): Buffer {
  const bytes = addressBytes(x.client.localAddress);
  return bytes === null ? Buffer.alloc(4) : Buffer.from(bytes.subarray(-4));
}

function shown(name: string, bytes: Buffer): string {
  let text = `${name}=`;
  for (let at = 0; at < 16; at += 4) {
    text += bytes.readUInt32LE(at).toString(16).toUpperCase().padStart(8, '0');
  }
  return text;
}

function sendCookie(x: Exchange, settings: UserIdSettings): void {
  if (x.parent !== null) return;
  const user = decide(x, settings);
  if (user.set === null) return;
  const value =
    user.set === user.got
      ? `${user.cookie.slice(0, encodedLength)}${settings.mark}=`
      : marked(user.set.toString('base64'), settings.mark);
  const expires = expiresAttribute(settings.expires);
  x.fields.add('Set-Cookie', `${settings.name}=${value}${expires}${settings.attributes}`);
  if (settings.p3p !== '') x.fields.add('P3P', settings.p3p);
}

function marked(text: string, mark: string): string {
  return mark === '' ? text : `${text.slice(0, -2)}${mark}=`;
}

function expiresAttribute(expires: UserIdSettings['expires']): string {
  if (expires === 'off' || expires === 0) return '';
  if (expires === 'max') return '; expires=Thu, 31-Dec-37 23:55:55 GMT';
  // Netscape's form of the date, with two digits for the year where nginx writes two.
  const text = new Date(now() + expires * 1000).toUTCString();
  const [day = '', date = '', month = '', year = '', time = ''] = text.split(' ');
  const shownYear = Number(year) > 2037 ? year : year.slice(-2);
  return `; expires=${day} ${date}-${month}-${shownYear} ${time} GMT`;
}

function location(scope: Scope, build: LocationBuild): void {
  const settings = userIdSettings(scope);
  if (settings === null) return;
  settingsOf.set(build.headerFilters, settings);
  if (settings.mode !== 'log') build.headerFilters.push((x) => sendCookie(x, settings));
}

function settingsFor(x: Exchange): UserIdSettings | null {
  return settingsOf.get(locationOf(x).headerFilters) ?? null;
}

export const useridModule: Module = {
  name: 'userid',
  directives: [...useridRows],
  variables: [
    variable('uid_got', 'Name of the cookie of userid, and the user that the client sent.', (x) => {
      const settings = settingsFor(x);
      const got = settings === null ? null : userOf(x, settings).got;
      return settings === null || got === null ? null : shown(settings.name, got);
    }),
    variable('uid_set', 'Name of the cookie of userid, and the user that is sent.', (x) => {
      const settings = settingsFor(x);
      if (settings === null || settings.mode === 'log') return null;
      const { set } = decide(x, settings);
      return set === null ? null : shown(settings.name, set);
    }),
    settableVariable(
      'uid_reset',
      'Where it is neither empty nor "0", the client gets a new cookie of userid; "log" also logs it.',
      {
        get: (x) => resets.get(x) ?? '',
        assign: (x, value) => void resets.set(x, value),
      },
    ),
  ],
  location,
};
