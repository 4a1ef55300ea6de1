// What is audited: a file with all that it includes, a folder, or what `nginx -T` printed. Files that
// are not there, and text that cannot be read as a configuration, are notes and not the end.

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Diagnostics } from '../config/diagnostic.ts';
import type { DirectiveNode } from '../config/node.ts';
import { parseConfiguration } from '../config/parser.ts';
import { FileSources, TextSources, type SourceReader } from '../config/source.ts';
import { blankOpaqueBlocks } from './opaque-blocks.ts';

/** What was read. */
export interface AuditSource {
  /** The main file, or the folder, for titles. */
  readonly name: string;
  readonly nodes: readonly DirectiveNode[];
  /** The texts by path, as they are. */
  readonly files: ReadonlyMap<string, string>;
  /** What could not be read or understood: "FILE:LINE: …". */
  readonly notes: readonly string[];
  /** The version of nginx that the text names, as `nginx -V` and some dumps do: "1.25.3". */
  readonly nginxVersion?: string;
  /**
   * Reads the same once more with other texts in the place of its files, by path. Left out where the
   * texts are no files: standard input, a dump.
   */
  readonly withTexts?: (texts: ReadonlyMap<string, string>) => AuditSource;
}

/** Keeps the texts as they are, and hands them on without what is in another language. */
class ReadableSources implements SourceReader {
  readonly #inner: SourceReader;
  readonly texts = new Map<string, string>();

  constructor(inner: SourceReader) {
    this.#inner = inner;
  }

  read(file: string): Buffer {
    const text = this.#inner.read(file).toString('utf8');
    this.texts.set(file, text);
    return Buffer.from(blankOpaqueBlocks(text));
  }

  glob(pattern: string): readonly string[] {
    return this.#inner.glob(pattern);
  }
}

/** Reads a file with its includes. */
export function readFileSource(file: string): AuditSource {
  const absolute = path.resolve(file);
  return onDisk((files) => parse(absolute, files));
}

function onDisk(read: (files: SourceReader) => AuditSource): AuditSource {
  const again = (texts: ReadonlyMap<string, string>): AuditSource => ({
    ...read(new TextSources(texts, new FileSources())),
    withTexts: again,
  });
  return { ...read(new FileSources()), withTexts: again };
}

/**
 * Reads a folder: its nginx.conf (or sallyport.conf) where it has one, else each of its *.conf files
 * as a part of a configuration.
 */
export function readFolderSource(folder: string): AuditSource {
  const absolute = path.resolve(folder);
  const main = ['nginx.conf', 'sallyport.conf']
    .map((name) => path.join(absolute, name))
    .find((file) => existsSync(file));
  if (main !== undefined) return readFileSource(main);
  const names = readdirSync(absolute)
    .filter((name) => name.endsWith('.conf'))
    .sort();
  return onDisk((files) => readParts(absolute, names, files));
}

function readParts(folder: string, names: readonly string[], files: SourceReader): AuditSource {
  const parts = names.map((name) => parse(path.join(folder, name), files));
  return {
    name: folder,
    nodes: parts.flatMap(({ nodes }) => nodes),
    files: new Map(parts.flatMap(({ files }) => [...files])),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

/** Reads a path, whichever it is. */
export function readPathSource(target: string): AuditSource {
  return statSync(target).isDirectory() ? readFolderSource(target) : readFileSource(target);
}

const dumpLine = /^# configuration file (.+):$/gm;

/**
 * Reads a text: a configuration, or what `nginx -T` prints, with all its files.
 *
 * @param name - what to call it where it is one file
 */
export function readTextSource(text: string, name: string): AuditSource {
  const marks = [...text.matchAll(dumpLine)];
  const [first] = marks;
  if (first === undefined) {
    const file = path.resolve('/', name);
    return parse(file, new TextSources(new Map([[file, text]])));
  }
  const texts = new Map<string, string>();
  marks.forEach((mark, i) => {
    const start = mark.index + mark[0].length + 1;
    const file = path.resolve('/', mark[1] ?? '');
    if (!texts.has(file)) texts.set(file, text.slice(start, marks[i + 1]?.index));
  });
  const source = parse(path.resolve('/', first[1] ?? ''), new TextSources(texts));
  return { ...source, ...versionIn(text.slice(0, first.index)) };
}

// "nginx version: nginx/1.25.3", on a line of its own or as a comment.
function versionIn(text: string): { nginxVersion?: string } {
  const found = /^#?\s*nginx version: (?:nginx|openresty)\/(\d+\.\d+\.\d+)/m.exec(text);
  return found?.[1] === undefined ? {} : { nginxVersion: found[1] };
}

function parse(file: string, inner: SourceReader): AuditSource {
  const sources = new ReadableSources(inner);
  const diagnostics = new Diagnostics();
  const { nodes } = parseConfiguration({ file, sources, diagnostics });
  const notes = diagnostics.list.map(({ at, message }) =>
    at === null ? message : `${at.file}:${at.line}: ${message}`,
  );
  const version = versionIn(sources.texts.get(file) ?? '');
  return { name: file, nodes, files: sources.texts, notes, ...version };
}
