// `ssl_ocsp`: whether clients' certificates are still good, asked of OCSP responders. The work is
// done by src/tls/client-ocsp.ts.

import { parseSize } from '../base/size.ts';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, custom } from '../config/value-types.ts';
import { ClientOcsp } from '../tls/client-ocsp.ts';
import { isResponderUrl } from '../tls/ocsp-client.ts';
import { OcspStatusCache } from '../tls/ocsp-status-cache.ts';
import type { VerifyClient } from '../tls/server-policy.ts';
import type { StapleLog } from '../tls/staple-source.ts';
import { WeakCache } from '../tls/weak-cache.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServer } from './contexts.ts';
import type { Module } from './module.ts';

export const sslOcsp = directive<'on' | 'off' | 'leaf'>({
  name: 'ssl_ocsp',
  contexts: inHttpServer,
  args: 1,
  value: choice(['on', 'off', 'leaf'] as const),
  default: 'off',
  defaultText: 'off',
  help:
    "Whether the responders of clients' certificates are asked if they have been revoked: of all " +
    'but the root of the chain, or with "leaf" of the client\'s own alone. Where no responder ' +
    'answers, the certificate is refused. Needs ssl_verify_client "on" or "optional".',
  differs:
    'names of responders are resolved by the system; a responder has 10 seconds, and further ones ' +
    'that a certificate names are asked where the first fails',
  example: 'ssl_ocsp leaf;',
});

export const sslOcspResponder = directive<Argument | null>({
  name: 'ssl_ocsp_responder',
  contexts: inHttpServer,
  args: 1,
  value: { expects: 'an http:// URL', parse: (node) => node.args[0] ?? null },
  default: null,
  help: "URL of the OCSP responder for clients' certificates, instead of those that they name.",
  example: 'ssl_ocsp_responder http://ocsp.partner.example/;',
});

/** A cache by name. */
export interface OcspZone {
  readonly name: string;
  readonly bytes: number;
  readonly at: Argument;
}

// nginx asks for eight pages of memory.
const smallestZone = 32_768;

const zone: ValueType<OcspZone | 'off'> = custom('"off" or shared:NAME:SIZE', (node, help) => {
  const at = node.args[0];
  if (at === undefined) return null;
  if (at.text === 'off') return 'off';
  const [, name = '', size = ''] = /^shared:([^:]+):(.+)$/.exec(at.text) ?? [];
  const bytes = parseSize(size);
  if (name === '' || bytes === null) {
    help.error(at.at, `invalid OCSP cache "${at.text}"`, 'expected "off" or shared:NAME:SIZE');
    return null;
  }
  if (bytes < smallestZone) {
    help.error(at.at, `OCSP cache "${at.text}" is too small`, 'it takes 32k at least');
    return null;
  }
  return { name, bytes, at };
});

export const sslOcspCache = directive<OcspZone | 'off'>({
  name: 'ssl_ocsp_cache',
  contexts: inHttpServer,
  args: 1,
  value: zone,
  default: 'off',
  defaultText: 'off',
  help:
    'Keeps what responders said of certificates until the time that they name: shared:NAME:SIZE, ' +
    'some 4000 certificates in a megabyte. Servers may share it by its name.',
  differs: 'each worker has its own; an answer without nextUpdate is not kept',
  example: 'ssl_ocsp_cache shared:ocsp:1m;',
});

/** What asks about the certificates of a server's clients. Null where nothing is asked. */
export function clientOcspOf(
  scope: Scope,
  verifyClient: VerifyClient,
  context: BuildContext,
  log: StapleLog,
): ClientOcsp | null {
  const extent = scope.get(sslOcsp);
  if (extent === 'off') return null;
  if (verifyClient === 'optional_no_ca') {
    const message = '"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"';
    context.reportOnce('error', scope.at(sslOcsp), message);
    return null;
  }
  const responder = scope.get(sslOcspResponder);
  if (responder !== null && !isResponderUrl(responder.text)) {
    const what = `invalid URL prefix in OCSP responder "${responder.text}"`;
    context.reportOnce('error', responder.at, `${what} in "ssl_ocsp_responder"`);
    return null;
  }
  if (verifyClient === 'off') {
    if (scope.own(sslOcsp) !== null) {
      const message = '"ssl_ocsp" has no effect without "ssl_verify_client"';
      context.reportOnce('warning', scope.at(sslOcsp), message);
    }
    return null;
  }
  return new ClientOcsp({
    extent: extent === 'leaf' ? 'leaf' : 'chain',
    responder: responder?.text ?? null,
    cache: cacheOf(scope.get(sslOcspCache), context),
    log,
  });
}

// A reload keeps what is known.
const caches = new WeakCache<OcspStatusCache>();
const sizes = new WeakMap<BuildContext, Map<string, number>>();

function cacheOf(wanted: OcspZone | 'off', context: BuildContext): OcspStatusCache | null {
  if (wanted === 'off') return null;
  const { name, bytes, at } = wanted;
  const declared = sizes.get(context) ?? new Map<string, number>();
  sizes.set(context, declared);
  const first = declared.get(name);
  if (first !== undefined && first !== bytes) {
    const message =
      `the size ${bytes} of shared memory zone "${name}" conflicts with already declared size ` +
      `${first}`;
    context.reportOnce('error', at.at, message);
    return null;
  }
  declared.set(name, bytes);
  return caches.get(`${name}:${bytes}`, () => new OcspStatusCache(bytes));
}

export const sslOcspModule: Module = {
  name: 'ssl-ocsp',
  directives: [sslOcsp, sslOcspResponder, sslOcspCache],
};
