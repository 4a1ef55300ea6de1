// The value of `client_body_temp_path` and `proxy_temp_path`: a folder, and up to three lengths of
// the names of its subfolders.

import type { ValueType } from '../config/row.ts';
import type { TempFolder } from '../forward/temp-file.ts';

export const tempFolder: ValueType<TempFolder> = {
  expects: 'the path of a folder, and up to three lengths of subfolder names',
  parse(node, help) {
    const [folder, ...lengths] = node.args;
    if (folder === undefined) return null;
    const wrong = lengths.find(({ text }) => !/^0*[1-9]\d?$/.test(text));
    if (wrong !== undefined) {
      help.error(
        wrong.at,
        `"${node.name}" directive invalid value`,
        'a length is a number above 0',
      );
      return null;
    }
    const path = help.resolvePath(folder.text, 'prefix').replace(/(.)\/+$/, '$1');
    return { path, levels: lengths.map(({ text }) => Number(text)) };
  },
};
