// One `server` line of a group: its address, its weight and limits, and what it says of its own about
// TLS (`ssl_name=` and the like), which wins over the location's `proxy_ssl_*`.

import { hostPortProblem, parseHostPort } from '../base/address.ts';
import { parseSeconds } from '../base/duration.ts';
import { ipFamily } from '../base/ip-family.ts';
import type { Argument, Position } from '../config/node.ts';
import type { ParseHelp, ValueType } from '../config/row.ts';
import type { PairArguments } from './proxy-ssl-files.ts';
import { parsePin } from '../tls/pins.ts';
import { enoughPins, pinHint } from './proxy-ssl-values.ts';

/** What a `server` line says about TLS, files not read yet. */
export interface ServerTlsArguments {
  /** Of the first of these parameters. */
  readonly at: Position;
  /** `ssl_name=`, without brackets. */
  readonly name: string | null;
  readonly trusted: Argument | null;
  readonly pair: PairArguments | null;
  readonly pins: readonly string[];
}

/** One `server` line of a group. Times are milliseconds. */
export interface ServerLine {
  readonly target: string;
  readonly at: Position;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly maxConns: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly drain: boolean;
  readonly slowStart: number;
  readonly route: string | null;
  /** Its name is looked up again and again. */
  readonly resolve: boolean;
  /** The service of that name (SRV); null: its addresses. */
  readonly service: string | null;
  readonly tls: ServerTlsArguments | null;
}

interface Draft {
  weight: number;
  maxFails: number;
  failTimeout: number;
  maxConns: number;
  backup: boolean;
  down: boolean;
  drain: boolean;
  slowStart: number;
  route: string | null;
  resolve: boolean;
  service: string | null;
  readonly pins: Pin[];
  /** By parameter: `ssl_name=`. */
  readonly tls: Map<string, Argument>;
}

interface Pin {
  readonly hash: string;
  readonly at: Position;
}

interface Parameter {
  readonly draft: Draft;
  readonly value: string;
  /** Named as `value`, and at the place of the parameter. */
  readonly argument: Argument;
  readonly help: ParseHelp;
}

/** Null: an error was reported. False: it is invalid. */
type ParameterRow = (parameter: Parameter) => boolean | null;

export function wholeNumber(value: string): number | null {
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** As in nginx: as long as the hash of an address. */
const longestRoute = 32;

const tlsNames = ['ssl_name=', 'ssl_trusted_certificate=', 'ssl_certificate='] as const;

function tlsRow(name: string): ParameterRow {
  return ({ draft, value, argument, help }) => {
    if (value === '') return false;
    if (draft.tls.has(name)) {
      help.error(argument.at, `duplicate parameter "${name}${value}"`);
      return null;
    }
    draft.tls.set(name, argument);
    return true;
  };
}

const parameters: Readonly<Record<string, ParameterRow>> = {
  'weight=': ({ draft, value }) => (draft.weight = wholeNumber(value) ?? 0) > 0,
  'max_fails=': ({ draft, value }) => (draft.maxFails = wholeNumber(value) ?? -1) >= 0,
  'fail_timeout=': ({ draft, value }) =>
    (draft.failTimeout = (parseSeconds(value) ?? -1) * 1000) >= 0,
  'max_conns=': ({ draft, value }) => (draft.maxConns = wholeNumber(value) ?? -1) >= 0,
  backup: ({ draft }) => (draft.backup = true),
  down: ({ draft }) => (draft.down = true),
  drain: ({ draft }) => (draft.drain = true),
  resolve: ({ draft }) => (draft.resolve = true),
  'service=': ({ draft, value, argument, help }) => {
    draft.service = value;
    if (value !== '') return true;
    help.error(argument.at, 'service is empty');
    return null;
  },
  'slow_start=': ({ draft, value }) => (draft.slowStart = (parseSeconds(value) ?? -1) * 1000) >= 0,
  'route=': ({ draft, value }) => {
    draft.route = value;
    return value !== '' && value.length <= longestRoute;
  },
  ...Object.fromEntries(tlsNames.map((name) => [name, tlsRow(name)])),
  'ssl_certificate_key=': tlsRow('ssl_certificate_key='),
  'ssl_pin=': readPins,
};

/** An address, and parameters. */
export const serverValue: ValueType<ServerLine> = {
  expects: 'an address and parameters',
  parse(node, help) {
    const [first, ...rest] = node.args;
    if (first === undefined) return null;
    const draft: Draft = {
      weight: 1,
      maxFails: 1,
      failTimeout: 10_000,
      maxConns: 0,
      backup: false,
      down: false,
      drain: false,
      slowStart: 0,
      route: null,
      resolve: false,
      service: null,
      pins: [],
      tls: new Map(),
    };
    const valid = rest.map((one) => readParameter(one, draft, help)).every(Boolean);
    if (!valid || !checkTarget(first, help) || !checkService(first, draft, help)) return null;
    const tls = tlsOf(draft, help);
    if (tls === undefined) return null;
    const { pins: _pins, tls: _tls, ...plain } = draft;
    return { target: first.text, at: first.at, ...plain, tls };
  },
};

function readParameter(one: Argument, draft: Draft, help: ParseHelp): boolean {
  const equals = one.text.indexOf('=') + 1;
  const row = parameters[equals === 0 ? one.text : one.text.slice(0, equals)];
  const value = one.text.slice(equals);
  const argument = { text: value, quoted: one.quoted, at: one.at };
  const read = row?.({ draft, value, argument, help }) ?? (row === undefined ? false : null);
  if (read === true) return true;
  if (read === null) return false;
  help.error(one.at, `invalid parameter "${one.text}"`);
  return false;
}

function readPins({ draft, value, argument, help }: Parameter): boolean | null {
  for (const text of value.split(',')) {
    const hash = parsePin(text);
    if (hash === null) {
      help.error(argument.at, `invalid pin "${text}" in "ssl_pin="`, pinHint);
      return null;
    }
    draft.pins.push({ hash, at: argument.at });
  }
  return true;
}

// Undefined: an error was reported.
function tlsOf({ tls, pins }: Draft, help: ParseHelp): ServerTlsArguments | null | undefined {
  const at = firstPlace([...tls.values(), ...pins]);
  if (at === null) return null;
  const [pin] = pins;
  const hashes = [...new Set(pins.map(({ hash }) => hash))];
  if (pin !== undefined && !enoughPins(hashes, pin.at, help)) return undefined;
  const certificate = tls.get('ssl_certificate=') ?? null;
  const key = tls.get('ssl_certificate_key=') ?? null;
  if (!pairComplete(certificate, key, help)) return undefined;
  const name = nameOf(tls.get('ssl_name='), help);
  if (name === undefined) return undefined;
  return {
    at,
    name,
    trusted: tls.get('ssl_trusted_certificate=') ?? null,
    pair: certificate === null || key === null ? null : { certificate, key },
    pins: hashes,
  };
}

function firstPlace(places: readonly { readonly at: Position }[]): Position | null {
  const [first] = places.map(({ at }) => at).sort((a, b) => a.line - b.line || a.column - b.column);
  return first ?? null;
}

function pairComplete(
  certificate: Argument | null,
  key: Argument | null,
  help: ParseHelp,
): boolean {
  for (const one of [certificate, key]) {
    if (one?.text.includes('$') === true) {
      const hint = 'name the file itself, or use proxy_ssl_certificate in the location';
      help.error(one.at, `variables are not supported in "${one.text}"`, hint);
      return false;
    }
  }
  if (certificate !== null && key === null) {
    const message = `no "ssl_certificate_key=" is defined for certificate "${certificate.text}"`;
    help.error(certificate.at, message);
    return false;
  }
  if (key !== null && certificate === null) {
    help.error(key.at, `no "ssl_certificate=" is defined for certificate key "${key.text}"`);
    return false;
  }
  return true;
}

// Undefined: an error was reported.
function nameOf(argument: Argument | undefined, help: ParseHelp): string | null | undefined {
  if (argument === undefined) return null;
  const name = argument.text.replace(/^\[(.*)\]$/, '$1');
  if (ipFamily(name) !== 0 || /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(name)) return name;
  help.error(argument.at, `invalid name "${argument.text}" in "ssl_name="`);
  return undefined;
}

function checkService({ text, at }: Argument, draft: Draft, help: ParseHelp): boolean {
  if (draft.service === null) return true;
  const problem = serviceProblem(text, draft.resolve);
  if (problem !== null) help.error(at, `service upstream "${text}" ${problem}`);
  return problem === null;
}

function serviceProblem(target: string, resolve: boolean): string | null {
  if (!resolve) return 'requires "resolve" parameter';
  const parsed = target.startsWith('unix:') ? null : parseHostPort(target);
  if (parsed !== null && parsed.port !== null) return 'may not have port';
  return parsed === null || ipFamily(parsed.host) !== 0 ? 'requires domain name' : null;
}

function checkTarget(argument: Argument, help: ParseHelp): boolean {
  const { text } = argument;
  if (text.startsWith('unix:') ? text.length > 'unix:'.length : parseHostPort(text) !== null) {
    return true;
  }
  if (/^https?:\/\//.test(text)) {
    help.error(
      argument.at,
      `invalid host in upstream "${text}"`,
      'the scheme belongs to proxy_pass: write host:port here',
    );
  } else {
    help.error(argument.at, `${hostPortProblem(text)} in upstream "${text}"`);
  }
  return false;
}
