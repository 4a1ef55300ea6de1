// The order of the house, read from the sources themselves: who may import whom, what may be named
// where, and how large things get. docs/decisions/0001 says why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import ts from 'typescript';
import { directiveRows } from '../src/modules/index.ts';
import { foreignDirectives } from '../src/modules/nginx-directives.ts';
import { importsOf, nodesOf, placeOf, readSources, roomOfImport } from './kit/source-tree.ts';
import type { SourceFile } from './kit/source-tree.ts';

const levels = new Map(
  Object.entries({
    base: 0,
    config: 1,
    http1: 1,
    tls: 1,
    pki: 1,
    exchange: 2,
    log: 2,
    server: 3,
    upstream: 3,
    forward: 4,
    modules: 5,
    audit: 6,
    runtime: 6,
    'serving.ts': 7,
    'index.ts': 8,
    cli: 9,
  }),
);

const maximumFileLines = 500;
const maximumFunctionLines = 80;

// Data alone, row after row.
const tables = ['src/modules/nginx-directives.ts'];

const all = readSources();
const sources = all.filter((file) => !file.isTest);

function levelOf(room: string): number {
  return levels.get(room) ?? -1;
}

function mustBeEmpty(violations: readonly string[]): void {
  assert.equal(violations.join('\n'), '');
}

test('every room has its level', () => {
  const rooms = new Set(sources.map((file) => file.room));
  mustBeEmpty([...rooms].filter((room) => !levels.has(room)));
  assert.ok(rooms.size > 10, 'the sources were found');
});

function wrongImports(file: SourceFile): string[] {
  return importsOf(file).flatMap(({ at, from }) => {
    const room = roomOfImport(file, from);
    if (room === null || room === file.room || levelOf(room) < levelOf(file.room)) return [];
    return [`${placeOf(file, at)}: ${file.room} may not import ${room}`];
  });
}

test('imports lead to a lower level, and rooms of one level do not import each other', () => {
  mustBeEmpty(sources.flatMap(wrongImports));
});

// Each library in the one room that it is for.
function mayImport(room: string, from: string): boolean {
  if (from.startsWith('@peculiar/asn1-')) return room === 'tls';
  if (from === 'bcryptjs') return room === 'modules';
  if (from === 'diff') return room === 'audit';
  return from === '@peculiar/x509' && room === 'pki';
}

test('a runtime dependency is imported in its own room alone', () => {
  const violations = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
      .filter(({ from }) => !mayImport(file.room, from))
      .map(({ at, from }) => `${placeOf(file, at)}: ${from}`),
  );
  mustBeEmpty(violations);
});

// Names with an underscore only: `server`, `hash` or `user` are words of their own, and
// `limit_except` is a context, which belongs to the language.
const directiveNames = new Set(
  [...directiveRows.map((row) => row.name), ...foreignDirectives.keys()].filter(
    (name) => name.includes('_') && name !== 'limit_except',
  ),
);

const lookUps = /^(get|has|set|add|find|includes|indexOf|startsWith|endsWith|test|match)$/;

// In a message to the operator a name may stand: as a part of its text, or handed to a function,
// unless that looks something up by it.
function isForMessage(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent)) return parent.operatorToken.kind === ts.SyntaxKind.PlusToken;
  if (!ts.isStringLiteralLike(node) || !ts.isCallExpression(parent)) return false;
  const { expression } = parent;
  return !ts.isPropertyAccessExpression(expression) || !lookUps.test(expression.name.text);
}

function namesOfDirectives(file: SourceFile): string[] {
  return [...nodesOf(file.tree)]
    .filter((node) => ts.isStringLiteralLike(node) || ts.isIdentifier(node))
    .filter((node) => directiveNames.has(node.text) && !isForMessage(node))
    .map((node) => `${placeOf(file, node)}: ${node.text}`);
}

test('nothing below the modules names a directive', () => {
  assert.ok(directiveNames.size > 500, 'the names were found');
  mustBeEmpty(sources.filter((file) => levelOf(file.room) < 5).flatMap(namesOfDirectives));
});

const outside = ['env', 'argv'];

function isProcess(node: ts.Expression | undefined): boolean {
  return node !== undefined && ts.isIdentifier(node) && node.text === 'process';
}

// `process.env`, `process['env']`, `const { env } = process`, `import { env } from 'node:process'`
function readsOutside(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return isProcess(node.expression) && outside.includes(node.name.text);
  }
  if (ts.isElementAccessExpression(node)) return isProcess(node.expression);
  if (ts.isVariableDeclaration(node)) {
    return isProcess(node.initializer) && ts.isObjectBindingPattern(node.name)
      ? node.name.elements.some((one) => outside.includes((one.propertyName ?? one.name).getText()))
      : false;
  }
  return false;
}

test('nothing below the runtime reads the environment or the command line', () => {
  const violations = sources
    .filter((file) => levelOf(file.room) < 6)
    .flatMap((file) => [
      ...[...nodesOf(file.tree)].filter(readsOutside).map((node) => placeOf(file, node)),
      ...importsOf(file)
        .filter(({ from }) => /^(node:)?process$/.test(from))
        .map(({ at }) => placeOf(file, at)),
    ]);
  mustBeEmpty(violations);
});

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent);
}

test('there are no default exports', () => {
  const violations = all.flatMap((file) =>
    [...nodesOf(file.tree)].filter(isDefaultExport).map((node) => placeOf(file, node)),
  );
  mustBeEmpty(violations);
});

test(`no file is longer than ${maximumFileLines} lines, tables aside`, () => {
  const violations = all
    .filter((file) => file.lineCount > maximumFileLines && !tables.includes(file.path))
    .map((file) => `${file.path}: ${file.lineCount} lines`);
  mustBeEmpty(violations);
});

function longFunctions(file: SourceFile): string[] {
  return [...nodesOf(file.tree)].filter(ts.isFunctionLike).flatMap((node) => {
    const first = file.tree.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = file.tree.getLineAndCharacterOfPosition(node.end).line;
    const length = last - first + 1;
    return length > maximumFunctionLines ? [`${placeOf(file, node)}: ${length} lines`] : [];
  });
}

test(`no function is longer than ${maximumFunctionLines} lines`, () => {
  mustBeEmpty(sources.flatMap(longFunctions));
});

test('every file opens with a comment that says what it is', () => {
  const violations = sources
    .filter((file) => !/^(\/\/|\/\*)/.test(file.tree.text))
    .map((file) => file.path);
  mustBeEmpty(violations);
});
