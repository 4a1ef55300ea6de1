// Status lines with nginx's words, which clients' tests and log scrapers know. 1xx are RFC 9110's
// and RFC 8297's.

const reasons: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Time-out',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
};

// Tables by status: a request asks three times.
const phrases: string[] = [];
const digits: string[] = [];
const lines: string[] = [];
for (let status = 0; status < 1000; status += 1) {
  const phrase = reasons[status] ?? '';
  const text = String(status).padStart(3, '0');
  phrases.push(phrase);
  digits.push(text);
  lines.push(`HTTP/1.1 ${text} ${phrase}\r\n`);
}

/** nginx's reason phrase, '' where it has none. */
export function reasonPhrase(status: number): string {
  return phrases[status] ?? '';
}

/** Three digits, as nginx logs a status. */
export function statusText(status: number): string {
  return digits[status] ?? String(status);
}

/**
 * The status line of an answer, with CRLF. The space after the code stays without a phrase
 * (RFC 9112 4).
 *
 * @param status - 100 to 999; anything else gives the line of 500
 */
export function statusLine(status: number): string {
  return status >= 100 ? (lines[status] ?? (lines[500] as string)) : (lines[500] as string);
}

/** The status line with a reason phrase from elsewhere, which must be a valid one. */
export function statusLineOf(status: number, reason: string): string {
  if (reason === phrases[status]) return statusLine(status);
  return `HTTP/1.1 ${statusText(status)} ${reason}\r\n`;
}
