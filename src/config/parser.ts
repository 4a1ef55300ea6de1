// The entrance of the language: a configuration file, with all that it includes, to one tree.
// Nothing is known here about what directives mean; `check.ts` follows.

import { dirname } from 'node:path';
import { commandLine, type Diagnostics } from './diagnostic.ts';
import { IncludedFiles, type ConfigurationFile } from './include.ts';
import type { DirectiveNode } from './node.ts';
import type { SourceReader } from './source.ts';

export interface ParseOptions {
  /** Absolute path of the main configuration file. Relative includes start in its folder. */
  readonly file: string;
  /** Its text where that is already at hand; otherwise the file is read from the sources. */
  readonly text?: string;
  readonly sources: SourceReader;
  /** Gets every error; if `errorCount` is not 0 afterwards, the tree is incomplete. */
  readonly diagnostics: Diagnostics;
  /** Directives of the main context that come before the file: the `-g` option. */
  readonly prelude?: string;
}

export interface ParsedConfiguration {
  readonly nodes: DirectiveNode[];
  /** Every file that was read, once each, in the order of reading. */
  readonly files: readonly ConfigurationFile[];
}

/** Reads a configuration. Never throws for what a file contains or for files that are missing. */
export function parseConfiguration(options: ParseOptions): ParsedConfiguration {
  const { file, sources, diagnostics } = options;
  const parser = new IncludedFiles({ sources, diagnostics, folder: dirname(file) });
  const nodes: DirectiveNode[] = [];
  if (options.prelude !== undefined) {
    diagnostics.attachSource(commandLine, options.prelude);
    nodes.push(...parser.parsePlain(commandLine, options.prelude, { isCommandLine: true }));
  }
  if (options.text === undefined) return finish(nodes, parser.parseFile(file, null), parser);
  diagnostics.attachSource(file, options.text);
  return finish(nodes, parser.parseText(file, options.text), parser);
}

function finish(
  prelude: readonly DirectiveNode[],
  nodes: readonly DirectiveNode[],
  parser: IncludedFiles,
): ParsedConfiguration {
  return { nodes: [...prelude, ...nodes], files: parser.files };
}
