// How arguments become values, with nginx's error messages. Each type is used as the `value` of a
// directive's row; those of one argument look at the first one alone.

import { custom, singleValue } from './custom-type.ts';
import type { ValueType } from './row.ts';

export { custom, singleValue } from './custom-type.ts';
export {
  buffers,
  bytes1,
  number,
  offset,
  parseNumber,
  seconds,
  size,
  time,
  type Buffers,
  type NumberBounds,
} from './quantity-types.ts';

/** `on` or `off`, in any case of letters as in nginx. */
export const flag: ValueType<boolean> = custom('"on" or "off"', (node, help) => {
  const argument = node.args[0];
  const text = argument?.text ?? '';
  const lower = text.toLowerCase();
  if (lower === 'on' || lower === 'off') return lower === 'on';
  const message = `invalid value "${text}" in "${node.name}" directive, it must be "on" or "off"`;
  help.error(argument?.at ?? node.at, message);
  return null;
});

/** One argument as it is. Variables in it are not looked at. */
export const text: ValueType<string> = custom('a text', (node) => node.args[0]?.text ?? '');

/** All arguments as they are. */
export const texts: ValueType<readonly string[]> = custom('one or several texts', (node) =>
  node.args.map((argument) => argument.text),
);

/** A path, made absolute: relative ones belong to the prefix or to the configuration's folder. */
export function path(relativeTo: 'prefix' | 'configuration'): ValueType<string> {
  return custom('the path of a file', (node, help) =>
    help.resolvePath(node.args[0]?.text ?? '', relativeTo),
  );
}

/** One word of several, in any case of letters as in nginx; the value has the case given here. */
export function choice<const W extends string>(words: readonly W[]): ValueType<W> {
  return singleValue(
    oneOf(words),
    (given) => findWord(words, given),
    (_, given) => `invalid value "${given}"`,
  );
}

/** Any number of words out of several; each may be given once. The value keeps their order. */
export function mask<const W extends string>(words: readonly W[]): ValueType<readonly W[]> {
  return custom(`any of ${words.join(', ')}`, (node, help) => {
    const given: W[] = [];
    let valid = true;
    for (const argument of node.args) {
      const word = findWord(words, argument.text);
      if (word === null) {
        const hint = `expected any of ${words.join(', ')}`;
        help.error(argument.at, `invalid value "${argument.text}"`, hint);
        valid = false;
      } else if (given.includes(word)) {
        help.warn(argument.at, `duplicate value "${argument.text}"`);
      } else given.push(word);
    }
    return valid ? given : null;
  });
}

function findWord<W extends string>(words: readonly W[], given: string): W | null {
  return words.find((word) => word.toLowerCase() === given.toLowerCase()) ?? null;
}

function oneOf(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
