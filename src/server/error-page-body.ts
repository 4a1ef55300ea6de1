// The built-in page of an error, as short as nginx's, signed with the server token only.

import { reasonPhrase } from '../http1/status.ts';

const bodies = new Map<string, Buffer>();

const own: Readonly<Record<number, string>> = {
  494: 'Request Header Or Cookie Too Large',
  495: 'The SSL certificate error',
  496: 'No required SSL certificate was sent',
  497: 'The plain HTTP request was sent to HTTPS port',
};

/** Where nginx's page has another name than its status line. */
const titles: Readonly<Record<number, string>> = {
  302: 'Found',
  401: 'Authorization Required',
};

/**
 * Empty for statuses that nginx has no page for.
 *
 * @param status - status of the answer
 * @param detail - one of nginx's internal statuses (494 to 497) that says more, 0 for none
 * @param token - `Server` value; empty: the page is not signed
 */
export function errorPageBody(status: number, detail: number, token: string): Buffer {
  const key = `${status} ${detail} ${token}`;
  let body = bodies.get(key);
  if (body === undefined) {
    body = composeErrorPage(status, detail, token);
    bodies.set(key, body);
  }
  return body;
}

/** The same, made anew: for a token that depends on the request. */
export function composeErrorPage(status: number, detail: number, token: string): Buffer {
  return Buffer.from(page(status, detail, token), 'latin1');
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

// A token of the configuration's own may hold what a client sent.
function signatureOf(token: string): string {
  if (token === '') return '';
  return `<hr><center>${token.replace(/[&<>]/g, (one) => entities[one] ?? '')}</center>\r\n`;
}

function page(status: number, detail: number, token: string): string {
  const name = titles[status] ?? reasonPhrase(status);
  if (status === 304 || name === '') return '';
  const title = `${status} ${name}`;
  const more = own[detail];
  const head = more === undefined ? title : `${status} ${more}`;
  const explanation = more === undefined ? '' : `<center>${more}</center>\r\n`;
  return (
    `<html>\r\n<head><title>${head}</title></head>\r\n<body>\r\n` +
    `<center><h1>${title}</h1></center>\r\n${explanation}` +
    `${signatureOf(token)}</body>\r\n</html>\r\n`
  );
}
