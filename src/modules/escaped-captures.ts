// Captures in the rewrite module's strings: where the client's path had escapes, they are escaped
// anew, so that an "&" in one does not part a query. Only `$1` and its like, not named ones.

import type { Argument } from '../config/node.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { splitTemplate, TemplateError, type Template } from '../exchange/template.ts';
import { escapeArgument } from '../server/uri.ts';
import type { BuildContext } from './build-context.ts';

type Part = ReturnType<typeof splitTemplate>[number];

/**
 * A string with variables whose captures are escaped where the client's path had escapes.
 *
 * @param applies - are they escaped in this place at all? Default: always
 */
export function escapingTemplate(
  argument: Argument,
  context: BuildContext,
  applies: (x: Exchange) => boolean = always,
): Template {
  const parts = partsOf(argument.text);
  if (!parts.some(isCapture)) return context.template(argument);
  const pieces = parts.map((part) => {
    const text = typeof part === 'string' ? part : `\${${part.name}}`;
    return { piece: context.template({ ...argument, text }), capture: isCapture(part) };
  });
  return {
    source: argument.text,
    constant: null,
    evaluate(x) {
      const escapes = applies(x) && /[%+]/.test(x.request.path);
      let text = '';
      for (const { piece, capture } of pieces) {
        const value = piece.evaluate(x);
        text += capture && escapes ? escapeArgument(value) : value;
      }
      return text;
    },
  };
}

function always(): boolean {
  return true;
}

function isCapture(part: Part): boolean {
  return typeof part !== 'string' && /^\d+$/.test(part.name);
}

function partsOf(text: string): readonly Part[] {
  try {
    return splitTemplate(text);
  } catch (thrown) {
    if (thrown instanceof TemplateError) return [];
    throw thrown;
  }
}
