// The advice on all error codes.

import { clientAdvice } from './client.ts';
import { configAdvice } from './config.ts';
import { tlsChainAdvice } from './tls-chain.ts';
import { tlsHandshakeAdvice } from './tls-handshake.ts';
import { tlsIdentityAdvice } from './tls-identity.ts';
import { tlsRevocationAdvice } from './tls-revocation.ts';
import { tlsTrustAdvice } from './tls-trust.ts';
import { upstreamAdvice } from './upstream.ts';

/** By code. */
export const errorAdvice = {
  ...configAdvice,
  ...clientAdvice,
  ...upstreamAdvice,
  ...tlsIdentityAdvice,
  ...tlsTrustAdvice,
  ...tlsChainAdvice,
  ...tlsRevocationAdvice,
  ...tlsHandshakeAdvice,
} as const;
