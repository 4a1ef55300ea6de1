// `ssl_*`: TLS towards clients. The rows are in `ssl-rows.ts` and its like, the policy of a server in
// `ssl-policy.ts`.

import type { Module } from './module.ts';
import { sslCertificateCompression, sslEarlyData, sslEchFile } from './ssl-refused.ts';
import * as rows from './ssl-rows.ts';
import { sslSessionCache } from './ssl-session-cache.ts';
import { sslSessionTicketKey, sslSessionTickets, sslSessionTimeout } from './ssl-session-rows.ts';

export const sslModule: Module = {
  name: 'ssl',
  directives: [
    rows.sslCertificate,
    rows.sslCertificateKey,
    rows.sslCertificateCache,
    rows.sslPasswordFile,
    rows.sslDhparam,
    rows.sslClientCertificate,
    rows.sslTrustedCertificate,
    rows.sslCrl,
    rows.sslVerifyClient,
    rows.sslVerifyDepth,
    rows.sslProtocols,
    rows.sslCiphers,
    rows.sslPreferServerCiphers,
    rows.sslEcdhCurve,
    rows.sslConfCommand,
    rows.sslBufferSize,
    rows.sslRejectHandshake,
    sslSessionCache,
    sslSessionTickets,
    sslSessionTicketKey,
    sslSessionTimeout,
    sslEarlyData,
    sslCertificateCompression,
    sslEchFile,
  ],
};
