// What the documents name is there: files, sections, scripts of package.json, commands and their
// options. They are written by hand, and nothing else would say that a file has moved.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../src/cli/commands.ts';
import { repository } from './kit/source-tree.ts';

const pattern = ['*.md', '{docs,packaging,src,test,scripts,bench,fuzz}/**/*.md'];
const documents = globSync(pattern, { cwd: repository }).sort();

function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

/** Of all documents, what `find` gives for one and `isThere` doesn't know: "PATH: NAME". */
function missing(
  find: (text: string, path: string) => Iterable<string>,
  isThere: (name: string) => boolean,
): string[] {
  assert.ok(documents.includes('README.md') && documents.length > 50, 'the documents were found');
  let seen = 0;
  const lost = documents.flatMap((path) => {
    const names = new Set(find(read(path), path));
    seen += names.size;
    return [...names].filter((name) => !isThere(name)).map((name) => `${path}: ${name}`);
  });
  assert.ok(seen > 0, 'names were found');
  return lost;
}

function* firstGroups(text: string, expression: RegExp): Generator<string> {
  for (const [, name = ''] of text.matchAll(expression)) yield name;
}

/** The code of a document: its blocks line by line, and its spans. */
function* codeOf(text: string): Generator<string> {
  const block = /^ *```[^\n]*\n(.*?)^ *```$/gms;
  for (const lines of firstGroups(text, block)) yield* lines.split('\n');
  yield* firstGroups(text.replace(block, ''), /`([^`]+)`/g);
}

// What is made while working is in no checkout.
const made = read('.gitignore')
  .split('\n')
  .filter((line) => line.startsWith('/'))
  .map((line) => line.slice(1));

test('files and folders of the repository that are named exist', () => {
  const path =
    /(?<![\w/.:$-])((?:src|test|scripts|bench|fuzz|docs|packaging|bin)\/[\w.*@/-]*[\w*/])/g;
  const lost = missing(
    (text) => firstGroups(text, path),
    (name) =>
      made.includes(name) ||
      // A word in capitals stands for any name.
      globSync(name.replace(/\b[A-Z_]+(?=\/|$)/g, '*'), { cwd: repository }).length > 0,
  );
  assert.deepEqual(lost, []);
});

test('source files named without their folder, or with the last part of it, exist', () => {
  const sources = globSync('{src,test,scripts,bench}/**/*.{ts,mjs}', { cwd: repository });
  const lost = missing(
    (text) => firstGroups(text, /`([\w./-]+\.(?:ts|mjs))`/g),
    (name) => sources.some((path) => `/${path}`.endsWith(`/${name}`)),
  );
  assert.deepEqual(lost, []);
});

test('links to sections lead to a heading', () => {
  const headings = (path: string): Set<string> =>
    new Set(
      Array.from(firstGroups(read(path), /^#+ (.*)$/gm), (heading) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
  const lost = missing(
    function* (text, path) {
      for (const [, target, section] of text.matchAll(/\]\(([\w./-]*\.md)?#([^)]+)\)/g)) {
        yield `${target === undefined ? path : join(dirname(path), target)}#${section}`;
      }
    },
    (name) => {
      const [file = '', section = ''] = name.split('#');
      return existsSync(join(repository, file)) && headings(file).has(section);
    },
  );
  assert.deepEqual(lost, []);
});

test('scripts of package.json that are named exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const lost = missing(
    (text) => firstGroups(text, /\bnpm run ([\w:-]+)/g),
    (name) => Object.hasOwn(scripts, name),
  );
  assert.deepEqual(lost, []);
});

test('commands that are named exist', () => {
  const names = new Set(commands.map(({ name }) => name));
  const lost = missing(
    function* (text) {
      for (const code of codeOf(text))
        yield* firstGroups(code, /(?:^ *|\| )(?:bin\/|npx )?sallyport ([a-z]\w*)/g);
    },
    (name) => names.has(name),
  );
  assert.deepEqual(lost, []);
});

test('options that are given to a command or script exist', () => {
  const programs = globSync('{src/cli,scripts,bench}/**/*.{ts,mjs}', { cwd: repository })
    .filter((path) => !basename(path).includes('.test'))
    .map(read)
    .join('\n');
  const lost = missing(
    function* (text) {
      for (const code of codeOf(text)) {
        const call = /\b(?:sallyport|npm run [\w:-]+ --) (.*)/.exec(code)?.[1] ?? '';
        yield* firstGroups(call, /(?<![\w-])(--[a-z][a-z-]+)/g);
      }
    },
    (name) => new RegExp(`${name}(?![\\w-])`).test(programs),
  );
  assert.deepEqual(lost, []);
});
