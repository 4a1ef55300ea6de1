// Does what a human does with the advice of a probe: gets the files that it asks for, and writes the
// lines into a location in the place of those of the same name.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProbeAdvice } from '../../src/index.ts';
import { writeIn } from './temp-folder.ts';

/** What a human has at hand. */
export interface Means {
  readonly folder: string;
  /** PEM of CAs by their common name, each with those above it. */
  readonly authorities: Readonly<Record<string, string>>;
  /** Directives that show a client certificate which the server accepts. */
  readonly client: string;
}

let files = 0;

/** The directives of a location after the advice was followed. */
export function followAdvice(written: string, advice: ProbeAdvice, means: Means): string {
  const lines = advice.directives.map((line) => withFiles(line, advice, means));
  const replaced = new Set(lines.map(nameOf));
  const kept = split(written).filter((line) => !replaced.has(nameOf(line)));
  return [...kept, ...lines].join(' ');
}

function split(directives: string): string[] {
  return directives
    .split(';')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => `${line};`);
}

function nameOf(line: string): string {
  return line.split(/\s/)[0] ?? '';
}

function withFiles(line: string, { needs }: ProbeAdvice, means: Means): string {
  const name = nameOf(line);
  if (/_ssl_certificate(_key)?$/.test(name)) {
    return split(means.client).find((one) => nameOf(one) === name) ?? line;
  }
  const wanted = /must hold the certificate of "CN=([^"]+)"/.exec(needs.join('\n'))?.[1];
  if (!name.endsWith('_trusted_certificate') || wanted === undefined) return line;
  const file = /^\S+ (.*);$/.exec(line)?.[1] ?? '';
  files += 1;
  const added = means.authorities[wanted] ?? '';
  return `${name} ${writeIn(means.folder, `advised-${files}.pem`, before(file) + added)};`;
}

function before(file: string): string {
  return file.startsWith('/path/to/') ? '' : readFileSync(path.resolve(file), 'utf8');
}
