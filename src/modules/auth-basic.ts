// `auth_basic`: access for those who know a password of a file. Slow hashes are computed in a thread;
// the handler is asked again when that is done.

import { describeSystemError } from '../base/system-error.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import { custom } from '../config/value-types.ts';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ALLOWED, HANDLED, NEXT, type Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { guarded, resumePhases } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inAccess } from './contexts.ts';
import { guardedPath } from './guarded-path.ts';
import type { LocationBuild, Module } from './module.ts';
import { basicCredentials } from './password/basic-credentials.ts';
import { PasswordFiles } from './password/password-file.ts';
import {
  PasswordVerifier,
  type PasswordVerdict,
  type PasswordWaiter,
} from './password/password-verifier.ts';

const oneArgument: ValueType<Argument> = custom(
  'a text, which may have variables',
  (node) => node.args[0] ?? null,
);

export const authBasic = directive<Argument | null>({
  name: 'auth_basic',
  contexts: inAccess,
  args: 1,
  value: oneArgument,
  default: null,
  defaultText: 'off',
  help:
    'Asks for a user and a password of auth_basic_user_file; the text is the realm, in which ' +
    'variables may stand. "off" lifts what a higher level asks. CONNECT (tunnel_pass) is asked for ' +
    'Proxy-Authorization, with status 407.',
  example: 'auth_basic "staff only";\nauth_basic_user_file users;',
});

export const authBasicUserFile = directive<Argument | null>({
  name: 'auth_basic_user_file',
  contexts: inAccess,
  args: 1,
  value: oneArgument,
  default: null,
  help:
    'File of lines user:hash, in whose path variables may stand. Hashes: {SHA}, {SSHA}, {PLAIN}, ' +
    '$apr1$, $1$, bcrypt ($2a$, $2b$, $2y$), sha-crypt ($5$, $6$) and the old DES hash of crypt(3). ' +
    'A change of the file counts at once. A right password is remembered for a minute where its ' +
    'hash is slow to compute.',
  differs: 'hashes that only some systems know, as yescrypt ($y$), are not known here',
  example: 'auth_basic_user_file users;',
});

/** What the locations of one configuration share. */
interface Shared {
  readonly files: PasswordFiles;
  readonly verifier: PasswordVerifier;
}

const sharedOf = new WeakMap<BuildContext, Shared>();

function shared(context: BuildContext): Shared {
  const known = sharedOf.get(context);
  if (known !== undefined) return known;
  const made = { files: new PasswordFiles(), verifier: new PasswordVerifier() };
  context.disposers.push(() => made.verifier.close());
  sharedOf.set(context, made);
  return made;
}

interface Check extends Shared {
  readonly realm: Template;
  readonly file: (x: Exchange) => string;
}

/** A request whose password is being computed. */
class Waiting implements ExchangeOwner, PasswordWaiter {
  readonly survivesAbort = false;
  readonly #x: Exchange;
  readonly #verifier: PasswordVerifier;

  constructor(x: Exchange, verifier: PasswordVerifier) {
    this.#x = x;
    this.#verifier = verifier;
  }

  onClientDrain(): void {
    // Nothing has been sent yet.
  }

  onClientAborted(): void {
    this.#verifier.forget(this);
  }

  onPasswordVerdict(verdict: PasswordVerdict): void {
    const x = this.#x;
    if (x.finished) return;
    x.owner = null;
    verdicts.set(x, verdict);
    x.phase -= 1;
    guarded(x, resumePhases);
  }
}

/** Of slow comparisons, until their handler is asked again. */
const verdicts = new WeakMap<Exchange, PasswordVerdict>();

function handlerOf(check: Check): Handler {
  return (x) => {
    const realm = check.realm.evaluate(x);
    if (realm === 'off') return NEXT;
    const given = basicCredentials(x);
    if (given === null) {
      logError(x, 'info', 'no user/password was provided for basic authentication');
      return challenge(x, realm);
    }
    const path = check.file(x);
    const stored = storedHash(x, check.files, path, given.user);
    if (typeof stored === 'number') return stored;
    if (stored === null) {
      logError(x, 'error', `user "${given.user}" was not found in "${path}"`);
      return challenge(x, realm);
    }
    const verdict = compare(x, check.verifier, given.password, stored);
    if (verdict === HANDLED || verdict === 503) return verdict;
    if (verdict === true) return ALLOWED;
    const why =
      verdict === null ? 'the stored password is no hash that is known' : 'password mismatch';
    logError(x, 'error', `user "${given.user}": ${why}`);
    return challenge(x, realm);
  };
}

function challenge(x: Exchange, realm: string): number {
  // CONNECT is asked of this proxy, not of the server behind it (RFC 9110, 11.7).
  const ofProxy = x.request.form === 'authority';
  const field = ofProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate';
  x.fields.add(field, `Basic realm="${realm}"`);
  return ofProxy ? 407 : 401;
}

// A status where the file can't be read.
function storedHash(
  x: Exchange,
  files: PasswordFiles,
  path: string,
  user: string,
): string | null | 403 | 500 {
  try {
    return files.hashOf(path, user);
  } catch (thrown) {
    const absent = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    const level = absent ? 'error' : 'crit';
    logError(x, level, `open() "${path}" failed (${describeSystemError(thrown)})`);
    return absent ? 403 : 500;
  }
}

function compare(
  x: Exchange,
  verifier: PasswordVerifier,
  password: string,
  stored: string,
): PasswordVerdict | typeof HANDLED | 503 {
  const before = verdicts.get(x);
  if (before !== undefined) {
    verdicts.delete(x);
    return before;
  }
  // C ends a text there, and so do the hashes: what follows would not count.
  if (password.includes('\0')) return false;
  const verdict = verifier.check(password, stored);
  if (verdict !== 'slow') return verdict;
  const waiting = new Waiting(x, verifier);
  if (verifier.start(password, stored, waiting)) {
    x.owner = waiting;
    return HANDLED;
  }
  logError(x, 'error', 'too many passwords wait to be computed');
  return 503;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const realm = scope.get(authBasic);
  if (realm === null || realm.text === 'off') return;
  const template = context.template(realm);
  const file = scope.get(authBasicUserFile);
  if (file === null) {
    // As nginx does. Whoever writes it will not mean it.
    if (scope.context !== 'server' || scope.own(authBasic) !== null) {
      const hint = 'add: auth_basic_user_file FILE;';
      context.reportOnce(
        'warning',
        realm.at,
        `"auth_basic" without a user file protects nothing, ${hint}`,
      );
    }
    return;
  }
  const check = {
    realm: template,
    file: guardedPath(context.template({ ...file, text: absolute(file.text, context) }), context),
    ...shared(context),
  };
  build.add('access', handlerOf(check));
}

// A path that begins with a variable is taken as it will be.
function absolute(text: string, context: BuildContext): string {
  return text.startsWith('/') || text.startsWith('$') ? text : context.configFolder + text;
}

export const authBasicModule: Module = {
  name: 'auth_basic',
  directives: [authBasic, authBasicUserFile],
  location,
};
