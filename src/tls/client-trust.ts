// Whom a server trusts to issue clients' certificates, and which of them it names to clients. Node
// names every `ca` of a context. What is only trusted comes in as the process's default CAs, which
// are exchanged for the moment in which the context is made.

import type { Server, TlsOptions } from 'node:tls';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import type { PemFile } from './pem.ts';
import { emptyTrust, fileTrust, type TrustStore } from './trust-store.ts';

/** The CAs for clients' certificates. */
export interface ClientTrust {
  /** Trusted. */
  readonly all: TrustStore;
  /** Named to clients: a part of them. */
  readonly named: TrustStore;
}

/**
 * @param named - `ssl_client_certificate`
 * @param unnamed - `ssl_trusted_certificate`
 * @throws SallyportError CERTIFICATE_INVALID where a file holds none or one is malformed
 */
export function clientTrust(named: PemFile | null, unnamed: PemFile | null): ClientTrust {
  const files = [named, unnamed].filter((file) => file !== null);
  return {
    all: files.length === 0 ? emptyTrust : fileTrust(...files),
    named: named === null ? emptyTrust : fileTrust(named),
  };
}

/** Makes a server that trusts and names them. */
export function createTrustingServer(options: TlsOptions, trust: ClientTrust): Server {
  const { all, named } = trust;
  // An empty list trusts nobody; to leave it out would trust the world.
  if (all.key === named.key || all.size === 0) return createServer({ ...options, ca: all.ca });
  const server = withDefaults(all.ca, () => createServer(options));
  for (const pem of named.ca) nameToClients(server, pem);
  return server;
}

function withDefaults(ca: readonly string[], create: () => Server): Server {
  const before = getCACertificates('default');
  setDefaultCACertificates([...ca]);
  try {
    return create();
  } finally {
    setDefaultCACertificates(before);
  }
}

// Node has no public way to name a CA to clients without trusting it alone. Should this one ever go,
// nothing starts.
function nameToClients(server: Server, pem: string): void {
  const inner = server as Server & {
    _sharedCreds?: { context?: { addCACert?(pem: string): void } };
  };
  const context = inner._sharedCreds?.context;
  if (context?.addCACert === undefined) {
    throw new SallyportError(
      'CONFIG_INVALID',
      'this Node.js cannot do "ssl_client_certificate" and "ssl_trusted_certificate" together',
    );
  }
  context.addCACert(pem);
}
