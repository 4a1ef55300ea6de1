// What the rows of known differences ask of a message: taken apart loosely, by rules of its own, so
// that no row rests on a parser that is under test.

import { isIPv6 } from 'node:net';
import type { HeaderLines } from './message.ts';

export type Side = 'request' | 'response';

/** What can be said of a message without parsing it properly: the rows are not to rest on a parser. */
export interface CaseFacts {
  readonly side: Side;
  readonly text: string;
  /** The start line of the last head, and its words. */
  readonly startLine: string;
  readonly words: readonly string[];
  /** Fields of the last head. Names in lower case. */
  readonly fields: HeaderLines;
  /** What follows the first empty line. */
  readonly rest: string;
}

/** Takes a message apart loosely. @param head - where the head in question begins */
export function factsOf(bytes: Buffer, side: Side, head: number): CaseFacts {
  const text = bytes.toString('latin1');
  const from = text.slice(head).replace(/^(?:\r?\n)+/, '');
  const [section = '', ...rest] = from.split('\r\n\r\n');
  const [startLine = '', ...lines] = section.split('\r\n');
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    return [line.slice(0, Math.max(colon, 0)).toLowerCase(), value] as const;
  });
  const facts = { side, text, startLine, words: startLine.split(' '), fields };
  return { ...facts, rest: `\r\n${rest.join('\r\n\r\n')}` };
}

export function values(facts: CaseFacts, name: string): string[] {
  return facts.fields.filter(([key]) => key === name).map(([, value]) => value);
}

export function isChunkedAlone(facts: CaseFacts): boolean {
  const codings = values(facts, 'transfer-encoding');
  return codings.length === 0 || (codings.length === 1 && codings[0]?.toLowerCase() === 'chunked');
}

export function isTokenList(value: string): boolean {
  return value
    .split(',')
    .every((element) => /^[\w!#$%&'*+\-.^`|~]*$/.test(element.replace(/^[ \t]+|[ \t]+$/g, '')));
}

export function is10(facts: CaseFacts): boolean {
  return facts.startLine.includes('HTTP/1.0');
}

const nameAndPort = /^(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+(?::\d{0,5})?$/;
const bracketsAndPort = /^\[([^\]%]+)\](?::\d{0,5})?$/;

export function isGoodHost(host: string): boolean {
  const inBrackets = bracketsAndPort.exec(host)?.[1];
  if (inBrackets === undefined ? !nameAndPort.test(host) : !isIPv6(inBrackets)) return false;
  const port = /:(\d+)$/.exec(host)?.[1];
  return !/^\.|\.\./.test(host) && Number(port ?? 0) <= 65_535;
}

export function authorityOf(facts: CaseFacts): string | null {
  const [method, target = ''] = facts.words;
  if (method === 'CONNECT') return target;
  return /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? null;
}

/** Lines of the first head behind its start line. */
export function headLines({ text }: CaseFacts): string[] {
  const head = text.replace(/^[\r\n]+/, '').split('\r\n\r\n')[0] ?? '';
  return head.split('\r\n').slice(1);
}
