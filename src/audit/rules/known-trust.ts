// What rules know about trust stores and names: files that hold the public CAs, and names that no
// public CA certifies.

import { isIP } from 'node:net';

const bundles =
  /(^|\/)(ca-certificates\.crt|ca-bundle(\.trust)?\.(crt|pem)|tls-ca-bundle\.pem|cacert\.pem)$|^\/etc\/(pki\/tls|ssl)\/cert\.pem$/;

/** Is this the bundle of all public CAs that systems ship? */
export function isPublicBundle(file: string | null): boolean {
  return file !== null && (bundles.test(file) || file === 'the trust store of the system');
}

const innerEndings =
  /\.(internal|intranet|local|localdomain|localhost|lan|home|corp|private|svc|consul|test|example|invalid|arpa|cluster|docker|mesh|node|service)$/i;

/** Does a public CA certify this name? False for bare words and endings of the inside. */
export function isPublicName(name: string): boolean {
  return isIP(name) === 0 && /^[\w-]+(\.[\w-]+)+$/.test(name) && !innerEndings.test(name);
}

/** Where Debian, Alpine and most images keep the public CAs. */
export const usualBundle = '/etc/ssl/certs/ca-certificates.crt';
