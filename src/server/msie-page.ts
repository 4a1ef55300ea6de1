// Pages for browsers of long ago: `msie_padding` makes an error page longer than what they replace
// by one of their own, `msie_refresh` says "Refresh" where they mistake a redirect.

import { percentEscape } from '../base/character-escape.ts';

const paddingLine = '<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n';

/** Follows an error page. */
export const msiePadding: Buffer = Buffer.from(paddingLine.repeat(6), 'latin1');

// nginx's NGX_ESCAPE_REFRESH: what would end the attribute, and what isn't printable.
const unsafe = /[\x00-\x20"'<>\\^`{|~\x7f-\xff]/g;

/** @param target - path or URL, one character per byte */
export function refreshPage(target: string): Buffer {
  const url = target.replace(unsafe, percentEscape);
  return Buffer.from(
    `<html><head><meta http-equiv="Refresh" content="0; URL=${url}"></head><body></body></html>\r\n`,
    'latin1',
  );
}
