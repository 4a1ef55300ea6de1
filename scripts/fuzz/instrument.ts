// Puts a call of `edge` into every branch of the project's own sources while they are loaded, and
// gathers their literals, which are what the code compares its input with. The text is edited where
// it stands, on the same lines, so that stack traces stay right.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** One instrumented file. Its branches have the numbers first … first + count - 1. */
export interface InstrumentedFile {
  /** Relative to `src/`. */
  readonly path: string;
  readonly first: number;
  readonly count: number;
  /** Text literals of 2 to 24 characters. */
  readonly literals: readonly string[];
}

const sources = new URL('../../src/', import.meta.url).href;
const coverage = new URL('./coverage.ts', import.meta.url).href;
const instrumented: InstrumentedFile[] = [];
let next = 0;

/** Instruments whatever is imported from `src/` from now on. @returns a list that grows with it */
export function instrumentSources(): readonly InstrumentedFile[] {
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(sources) || !url.endsWith('.ts')) return nextLoad(url, context);
      const text = readFileSync(fileURLToPath(url), 'utf8');
      const source = instrument(url.slice(sources.length), text);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
  return instrumented;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** The branches of one file, as texts to insert. */
class Branches {
  readonly insertions: Insertion[] = [];
  readonly literals = new Set<string>();
  readonly #file: ts.SourceFile;

  constructor(file: ts.SourceFile) {
    this.#file = file;
    this.#visit(file);
  }

  #visit(node: ts.Node): void {
    if (ts.isFunctionLike(node)) this.#function(node);
    else if (ts.isIfStatement(node)) this.#if(node);
    else if (ts.isIterationStatement(node, false)) this.#statement(node.statement);
    else if (ts.isCaseOrDefaultClause(node)) this.#call(node.statements.pos);
    else if (ts.isCatchClause(node)) this.#call(node.block.getStart(this.#file) + 1);
    else if (ts.isConditionalExpression(node)) {
      this.#expression(node.whenTrue);
      this.#expression(node.whenFalse);
    } else if (ts.isBinaryExpression(node) && isLogical(node.operatorToken.kind)) {
      this.#expression(node.right);
    } else if (ts.isStringLiteralLike(node)) this.#literal(node.text);
    ts.forEachChild(node, (child) => this.#visit(child));
  }

  #function(node: ts.SignatureDeclaration): void {
    const body = (node as ts.FunctionLikeDeclaration).body;
    if (body === undefined) return;
    if (ts.isBlock(body)) this.#call(body.getStart(this.#file) + 1);
    else this.#expression(body);
  }

  #if(node: ts.IfStatement): void {
    if (node.elseStatement !== undefined) this.#statement(node.elseStatement);
    else this.insertions.push({ at: node.end, text: ` else __edge(${next++});` });
    this.#statement(node.thenStatement);
  }

  #statement(node: ts.Statement): void {
    const start = node.getStart(this.#file);
    if (ts.isBlock(node)) {
      this.#call(start + 1);
      return;
    }
    this.insertions.push({ at: start, text: `{__edge(${next++});` });
    this.insertions.push({ at: node.end, text: '}' });
  }

  #expression(node: ts.Node): void {
    this.insertions.push({ at: node.getStart(this.#file), text: `(__edge(${next++}),(` });
    this.insertions.push({ at: node.end, text: '))' });
  }

  #call(at: number): void {
    this.insertions.push({ at, text: `__edge(${next++});` });
  }

  #literal(text: string): void {
    if (text.length > 1 && text.length <= 24) this.literals.add(text);
  }
}

function isLogical(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  );
}

function instrument(path: string, text: string): string {
  const first = next;
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const { insertions, literals } = new Branches(file);
  instrumented.push({ path, first, count: next - first, literals: [...literals] });
  // At one place: what ends comes before what begins, and what was noted last ends first.
  const ordered = insertions
    .map((one, order) => ({ ...one, order: isEnd(one) ? -order - 1e6 : order }))
    .sort((a, b) => a.at - b.at || a.order - b.order);
  let result = `import { edge as __edge } from ${JSON.stringify(coverage)};`;
  let from = 0;
  for (const { at, text: inserted } of ordered) {
    result += text.slice(from, at) + inserted;
    from = at;
  }
  return result + text.slice(from);
}

function isEnd({ text }: Insertion): boolean {
  return text.startsWith(')') || text.startsWith('}') || text.startsWith(' else');
}
