// `include`: the one directive that the language itself knows. Its files are parsed in its place;
// relative names belong to the folder of the main configuration file, also within included files.

import { resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { decodeSource } from './decode.ts';
import type { Diagnostics } from './diagnostic.ts';
import { isPattern } from './glob.ts';
import type { DirectiveNode, Position } from './node.ts';
import type { SourceReader } from './source.ts';
import { parseStatements } from './statement-parser.ts';

/** A file that was read, for the dump of `-T`. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
}

/** Reads and parses the files of one configuration, each with all that it includes. */
export class IncludedFiles {
  readonly #sources: SourceReader;
  readonly #diagnostics: Diagnostics;
  readonly #folder: string;
  /** Every file that was read, once each, in the order of first reading. */
  readonly files: ConfigurationFile[] = [];
  /** The files being parsed, outermost first: an `include` of one of them is a cycle. */
  readonly #active: string[] = [];

  /** @param folder - of the main configuration file; relative includes start here */
  constructor(options: { sources: SourceReader; diagnostics: Diagnostics; folder: string }) {
    this.#sources = options.sources;
    this.#diagnostics = options.diagnostics;
    this.#folder = options.folder;
  }

  /** Reads a file and parses it. @param at - the `include` that names it; null for the main file */
  parseFile(path: string, at: Position | null): DirectiveNode[] {
    if (this.#active.includes(path)) {
      const chain = [...this.#active.slice(this.#active.indexOf(path)), path].join('" -> "');
      this.#diagnostics.error(at, `"include" of "${path}" never ends`, `"${chain}"`);
      return [];
    }
    const text = this.#read(path, at);
    return text === null ? [] : this.parseText(path, text);
  }

  /** Parses a text as if it stood in this file. */
  parseText(path: string, text: string): DirectiveNode[] {
    if (!this.files.some((file) => file.path === path)) this.files.push({ path, text });
    this.#active.push(path);
    const nodes = this.parsePlain(path, text, { isCommandLine: false });
    this.#active.pop();
    return nodes;
  }

  /** Parses a text that is no file. */
  parsePlain(name: string, text: string, kind: { isCommandLine: boolean }): DirectiveNode[] {
    return parseStatements({
      file: name,
      text,
      diagnostics: this.#diagnostics,
      include: (directive) => this.#include(directive),
      isCommandLine: kind.isCommandLine,
    });
  }

  #include(directive: DirectiveNode): readonly DirectiveNode[] {
    const [pattern] = directive.args;
    if (directive.block !== null) {
      this.#diagnostics.error(directive.at, 'directive "include" is not terminated by ";"');
      return [];
    }
    if (pattern === undefined || directive.args.length !== 1) {
      const message = 'invalid number of arguments in "include" directive';
      this.#diagnostics.error(
        directive.at,
        message,
        '"include" takes 1 argument: a file or pattern',
      );
      return [];
    }
    const path = resolve(this.#folder, pattern.text);
    // A pattern without any match is no error, so that "include conf.d/*.conf" may stand ready.
    const paths = isPattern(path) ? this.#sources.glob(path) : [path];
    return paths.flatMap((match) => this.parseFile(match, pattern.at));
  }

  #read(path: string, at: Position | null): string | null {
    let bytes;
    try {
      bytes = this.#sources.read(path);
    } catch (error) {
      this.#diagnostics.error(at, unreadable(path, error));
      return null;
    }
    return decodeSource(bytes, path, this.#diagnostics);
  }
}

/** nginx's words for a file that cannot be read, with the system's number and reason. */
export function unreadable(path: string, error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === 'EISDIR') return `pread() "${path}" failed (21: Is a directory)`;
  const [, reason] = errno === undefined ? [] : (getSystemErrorMap().get(errno) ?? []);
  if (errno === undefined || reason === undefined) {
    return `open() "${path}" failed (${error instanceof Error ? error.message : String(error)})`;
  }
  const sentence = reason.charAt(0).toUpperCase() + reason.slice(1);
  return `open() "${path}" failed (${-errno}: ${sentence})`;
}
