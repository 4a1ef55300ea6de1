// The client's side of an exchange behind which there is no client: strings with variables are
// evaluated in a handshake and for health checks as well, and there is nobody to answer there.

import { SallyportError } from '../base/errors.ts';
import type { ClientTls, Downstream } from './downstream.ts';

function never(): never {
  throw new SallyportError('INTERNAL', 'there is no client that could be answered');
}

/** To be copied, with the facts that there are. Whatever it is asked to do throws INTERNAL. */
export const noClient: Downstream = {
  id: 0,
  startedAt: 0,
  requests: 0,
  remoteAddress: '',
  remotePort: 0,
  localAddress: '',
  localPort: 0,
  tls: null,
  proxied: null,
  readBody: never,
  pauseBody: never,
  holdBody: never,
  resumeBody: never,
  sendContinue: never,
  sendInterim: never,
  filterHead: never,
  sendHead: never,
  sendBody: never,
  endBody: never,
  abortBody: never,
  startTunnel: never,
  writeTunnel: never,
  endTunnel: never,
  closeTunnel: never,
  pauseTunnel: never,
  resumeTunnel: never,
  unsent: 0,
};

/** A TLS connection of which nothing is known, to be copied likewise. */
export const noClientTls: ClientTls = {
  protocol: '',
  cipher: '',
  curve: '',
  serverName: '',
  reused: false,
  ciphersOffered: '',
  curvesOffered: '',
  sigalgsOffered: '',
  sigalg: '',
  alpn: '',
  sessionId: '',
  verify: 'NONE',
  certificate: null,
  certificateProblem: null,
  subject: '',
  issuer: '',
  subjectLegacy: '',
  issuerLegacy: '',
  serial: '',
  fingerprint: '',
  notBefore: '',
  notAfter: '',
  daysLeft: '',
};
