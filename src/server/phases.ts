// The way of a request through its handlers: the server's, then the location's, in one flat loop;
// and its end with a status: `error_page`, a redirect, or a built-in page.

import { SallyportError } from '../base/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ALLOWED, HANDLED, NEXT } from '../exchange/handler.ts';
import { FieldId } from '../http1/field-id.ts';
import type { Fields } from '../http1/fields.ts';
import { composeErrorPage, errorPageBody } from './error-page-body.ts';
import type { ClientSettings, ErrorPage, Location } from './location.ts';
import type { LocationMatch } from './location-tree.ts';
import { msiePadding, refreshPage } from './msie-page.ts';
import { logError } from './request-log.ts';
import { hiddenField, serverTokenOf } from './response-head.ts';
import { escapePath } from './uri.ts';
import { hidesShortPages, isMsie } from './user-agent.ts';
import type { VirtualServer } from './virtual-server.ts';

const maxRedirects = 10;
const foundLocation: LocationMatch = { location: null, redirect: false };

/** The location of an exchange in its full type. */
export function locationOf(x: Exchange): Location {
  return (x.location ?? serverOf(x).outside) as Location;
}

/** The virtual server of an exchange in its full type. */
export function serverOf(x: Exchange): VirtualServer {
  return x.server as VirtualServer;
}

/** Starts a request whose server and URI are known. */
export function startPhases(x: Exchange): void {
  x.handlers = serverOf(x).handlers;
  x.phase = 0;
  if (x.handlers.length === 0) enterLocation(x);
  else resumePhases(x);
}

/** Goes on with the next handler; also for handlers that had said HANDLED and are done now. */
export function resumePhases(x: Exchange): void {
  for (;;) {
    const handler = x.handlers[x.phase];
    if (handler === undefined) {
      if (x.location === null) enterLocation(x);
      else answerStatus(x, 404);
      return;
    }
    x.phase += 1;
    const verdict = handler(x);
    if (verdict === NEXT || verdict === ALLOWED) continue;
    if (verdict !== HANDLED) answerStatus(x, verdict);
    return;
  }
}

function enterLocation(x: Exchange): void {
  const server = serverOf(x);
  foundLocation.location = null;
  foundLocation.redirect = false;
  server.locations.find(x, foundLocation);
  const location = foundLocation.location ?? server.outside;
  const lacksSlash = foundLocation.redirect;
  x.location = location;
  if (location.internalOnly && !x.internal) {
    answerStatus(x, 404);
    return;
  }
  if (!takesRequest(x, location)) return;
  if (lacksSlash) redirectToSlash(x, location);
  else resumePhases(x);
}

/** What a request goes through in a location. */
export function handlersOf(x: Exchange, location: Location): Location['handlers'] {
  return x.parent === null ? location.handlers : location.subrequestHandlers;
}

/** Puts a request into a location; false where it was answered because its body is too large. */
function takesRequest(x: Exchange, found: Location): boolean {
  const { except } = found;
  const location = except === null || except.methods.has(x.method) ? found : except.location;
  x.location = location;
  x.handlers = handlersOf(x, location);
  x.phase = 0;
  const limit = location.client.clientMaxBodySize;
  if (limit > 0 && x.bodyLength > limit) {
    logError(
      x,
      'error',
      `client intended to send too large body: ${x.bodyLength} bytes (client_max_body_size)`,
    );
    x.keepAlive = false;
    // An `error_page` that is passed on must not bring it to a server after all.
    x.dropBody();
    answerStatus(x, 413);
    return false;
  }
  return true;
}

function redirectToSlash(x: Exchange, location: Location): void {
  const query = x.args === '' ? '' : `?${x.args}`;
  redirect(x, 301, escapePath(location.name) + query);
}

/** Looks for a location anew with another URI (`error_page`, `index`, `try_files`). */
export function internalRedirect(x: Exchange, uri: string, args: string): void {
  if (!countRedirect(x)) return;
  x.uri = uri;
  x.args = args;
  x.targetValid = false;
  x.uriChanged = false;
  x.locationValid = true;
  x.addsUriToAlias = false;
  x.internal = true;
  x.location = null;
  startPhases(x);
}

/**
 * Looks for a location anew after `rewrite` gave another URI in a location; the server's own
 * handlers do not run again.
 */
export function findLocationAgain(x: Exchange): void {
  x.uriChanged = false;
  if (countRedirect(x)) enterLocation(x);
}

/** Goes on in an `@named` location; URI and arguments stay. */
export function namedRedirect(x: Exchange, name: string): void {
  if (!countRedirect(x)) return;
  const location = serverOf(x).locations.named(name);
  if (location === null) {
    logError(x, 'error', `could not find named location "${name}"`);
    answerPlain(x, 500, 0);
    return;
  }
  x.internal = true;
  if (takesRequest(x, location)) resumePhases(x);
}

function countRedirect(x: Exchange): boolean {
  x.redirects += 1;
  if (x.redirects <= maxRedirects) return true;
  logError(x, 'error', `rewrite or internal redirection cycle while processing "${x.uri}"`);
  x.errorPagesOver = true;
  answerPlain(x, 500, 0);
  return false;
}

/** Statuses that are only known inside; the client gets what stands beside them. */
const publicStatus: ReadonlyMap<number, number> = new Map([
  [494, 431],
  [495, 400],
  [496, 400],
  [497, 400],
]);

/** Ends the phases with a status: by `error_page` where there is one, else by a built-in page. */
export function answerStatus(x: Exchange, status: number): void {
  x.owner = null;
  if (status === 499 || x.headSent) {
    x.status = x.headSent ? x.status : status;
    x.client.abortBody(x);
    return;
  }
  const page = findErrorPage(x, status);
  if (page !== null) {
    followErrorPage(x, status, page, challengesOf(x, status));
    return;
  }
  const visible = publicStatus.get(status);
  if (visible === undefined) answerPlain(x, status, 0);
  else answerPlain(x, visible, status);
}

function challengesOf({ fields }: Exchange, status: number): readonly string[] {
  if (status === 401) return fields.all('www-authenticate');
  return status === 407 ? fields.all('proxy-authenticate') : [];
}

/** The `error_page` in effect for a status, null where there is none or it was used already. */
export function findErrorPage(x: Exchange, status: number): ErrorPage | null {
  const location = locationOf(x);
  if (location.errorPages === null) return null;
  if (x.errorPagesOver) return null;
  return location.errorPages.get(status) ?? null;
}

/**
 * Answers with what an `error_page` names in place of the error itself.
 *
 * @param challenges - WWW-Authenticate of a 401, or Proxy-Authenticate of a 407, which stay of use
 *   to the client
 */
export function followErrorPage(
  x: Exchange,
  status: number,
  page: ErrorPage,
  challenges: readonly string[] = [],
): void {
  if (!locationOf(x).recursiveErrorPages) x.errorPagesOver = true;
  if (closing.has(status)) x.keepAlive = false;
  x.resetResponse();
  const field = status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate';
  for (const challenge of challenges) x.fields.add(field, challenge);
  const target = page.target.evaluate(x);
  if (page.status === 0) x.fixedStatus = publicStatus.get(status) ?? status;
  else x.fixedStatus = page.status === -1 ? 0 : page.status;
  if (target.startsWith('/')) {
    const question = target.indexOf('?');
    if (x.method !== 'HEAD') x.method = 'GET';
    if (question === -1) internalRedirect(x, target, '');
    else internalRedirect(x, target.slice(0, question), target.slice(question + 1));
    return;
  }
  if (target.startsWith('@')) {
    namedRedirect(x, target);
    return;
  }
  const code = x.fixedStatus;
  x.fixedStatus = 0;
  redirect(x, isRedirect(code) ? code : 302, target);
}

/** The statuses whose answer names another place. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Answers with a redirect; a path is made absolute as `absolute_redirect` and its like ask. */
export function redirect(x: Exchange, status: number, target: string): void {
  const { client } = locationOf(x);
  if (client.msieRefresh && status <= 302 && isMsie(x)) {
    sendPage(x, 200, refreshPage(target));
    return;
  }
  if (target.startsWith('/') && client.absoluteRedirect) x.redirectPath = target;
  else x.fields.add('Location', target);
  answerPlain(x, status, 0);
}

/** Errors after which the bytes that follow can't be trusted, or aren't worth reading. */
const closing: ReadonlySet<number> = new Set([400, 408, 413, 414, 431, 500, 501]);

/** A built-in page, or just the head where the status has none. */
export function answerPlain(x: Exchange, status: number, detail: number): void {
  // An error or redirect of an error page has its own status; only what succeeds takes the fixed one.
  x.status = x.fixedStatus === 0 || status >= 300 ? status : x.fixedStatus;
  if (closing.has(status)) x.keepAlive = false;
  if (status < 300) {
    x.contentLength = 0;
    x.client.sendHead(x, null, true);
    return;
  }
  sendPage(x, x.status, errorPage(x, status, detail));
}

// A page of the proxy's own is sent whole, whatever an upstream server said (X-Accel-Redirect).
function hideRanges({ ids }: Fields): void {
  const at = ids.indexOf(FieldId.acceptRanges);
  if (at >= 0) ids[at] = hiddenField;
}

function errorPage(x: Exchange, status: number, detail: number): Buffer {
  const settings = locationOf(x).client;
  const page = signedPage(x, status, detail, settings);
  const padded = settings.msiePadding && status >= 400 && page.length > 0 && hidesShortPages(x);
  return padded ? Buffer.concat([page, msiePadding]) : page;
}

function signedPage(x: Exchange, status: number, detail: number, settings: ClientSettings): Buffer {
  if (settings.serverTemplate === null) return errorPageBody(status, detail, settings.serverToken);
  return composeErrorPage(status, detail, serverTokenOf(x, settings));
}

function sendPage(x: Exchange, status: number, body: Buffer): void {
  x.status = status;
  x.contentType = body.length === 0 ? null : 'text/html';
  if (x.fields.names.length > 0) hideRanges(x.fields);
  x.contentLength = body.length;
  x.client.sendHead(x, body, true);
}

/** Runs code of an exchange so that no defect in it can take the worker down. */
export function guarded(x: Exchange, run: (x: Exchange) => void): void {
  try {
    run(x);
  } catch (thrown) {
    failInternally(x, thrown);
  }
}

/** A defect of ours: logged with its stack, answered 500 where an answer is still possible. */
export function failInternally(x: Exchange, thrown: unknown): void {
  const error =
    thrown instanceof SallyportError
      ? thrown
      : new SallyportError('INTERNAL', String(thrown), thrown);
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  logError(x, error.level, `${error.code}: ${stack}`);
  if (x.finished) return;
  x.errorPagesOver = true;
  if (x.headSent) x.client.abortBody(x);
  else answerStatus(x, 500);
}
