// The sources as the compiler's parser sees them, for the tests that keep the house in order.

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/** One file below `src/`. */
export interface SourceFile {
  /** Relative to the root of the repository: "src/base/errors.ts". */
  readonly path: string;
  /** The folder below `src/`, or the file itself where it stands in `src/`: "base", "index.ts". */
  readonly room: string;
  /** A test, or what only tests use. */
  readonly isTest: boolean;
  readonly lineCount: number;
  readonly tree: ts.SourceFile;
}

/** The root of the repository. */
export const repository: string = join(import.meta.dirname, '..', '..');

/** Reads and parses all of `src/`. */
export function readSources(): SourceFile[] {
  return globSync('src/**/*.ts', { cwd: repository }).sort().map(parse);
}

function parse(path: string): SourceFile {
  const text = readFileSync(join(repository, path), 'utf8');
  return {
    path,
    room: path.split('/')[1] ?? '',
    isTest: /\.(test|test-kit)\.ts$/.test(path),
    lineCount: text.split('\n').length - 1,
    tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
  };
}

/** Every node of a file, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** "src/base/errors.ts:12", for a message that an editor can follow. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart());
  return `${file.path}:${line + 1}`;
}

/** What a file imports, as types too: from `import`, `export … from` and `import()`. */
export function importsOf(file: SourceFile): { readonly at: ts.Node; readonly from: string }[] {
  const found = [];
  for (const node of nodesOf(file.tree)) {
    const named = importedName(node);
    if (named !== null) found.push({ at: node, from: named });
  }
  return found;
}

function importedName(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const from = node.moduleSpecifier;
    return from !== undefined && ts.isStringLiteral(from) ? from.text : null;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [from] = node.arguments;
    return from !== undefined && ts.isStringLiteral(from) ? from.text : null;
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    return ts.isStringLiteral(literal) ? literal.text : null;
  }
  return null;
}

/** The room that a relative import leads to; null for packages and Node's own modules. */
export function roomOfImport(file: SourceFile, from: string): string | null {
  if (!from.startsWith('.')) return null;
  const [, room] = normalize(join(dirname(file.path), from)).split('/');
  return room ?? null;
}
