// Distinguished names as nginx writes them ($ssl_client_s_dn, $ssl_client_i_dn): RFC 2253, last
// part first, `CN=a,O=b`. Node gives one line per part, first part first, already escaped.

/**
 * Node's `subject` or `issuer` in RFC 2253 form.
 *
 * @param lines - as Node writes it: `C=DE\nO=Example\nCN=a.example`
 */
export function rfc2253(lines: string): string {
  if (lines === '') return '';
  return lines
    .split('\n')
    .reverse()
    .map((line) => line.split(' + ').reverse().join('+'))
    .map(escapeHighBytes)
    .join(',');
}

// OpenSSL's RFC 2253 form has every byte above 127 as `\` and two hex digits.
function escapeHighBytes(text: string): string {
  return text.replace(/[^\x00-\x7f]+/g, (high) =>
    Buffer.from(high, 'utf8').toString('hex').toUpperCase().replace(/../g, '\\$&'),
  );
}

/**
 * Node's `subject` or `issuer` in OpenSSL's old form, first part first: `/C=DE/CN=a.example`.
 *
 * @param lines - as for `rfc2253`
 */
export function oneLine(lines: string): string {
  if (lines === '') return '';
  return lines
    .split('\n')
    .map((line) => `/${line.split(' + ').map(unescaped).join('+')}`)
    .join('');
}

// This form escapes what separates its parts, and what is not printable.
function unescaped(part: string): string {
  const plain = part.replace(/\\([0-9A-F]{2})|\\(.)/g, (_, hex?: string, character?: string) =>
    hex === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return plain
    .replace(/[/+]/g, '\\$&')
    .replace(/[^\x20-\x7e]+/g, (other) =>
      Buffer.from(other, 'utf8').toString('hex').toUpperCase().replace(/../g, '\\x$&'),
    );
}
