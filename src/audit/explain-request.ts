// From a URL and options to the bytes that a client would send, and to what its TLS handshake would
// have shown.

import { isIP } from 'node:net';
import { parseHostPort } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import type { ClientTls } from '../exchange/downstream.ts';
import { noClientTls } from '../exchange/no-client.ts';
import type { ExplainedRequest } from './explain-model.ts';

/** A URL, not normalised: what is explained is what was written. */
export interface ReadUrl {
  readonly tls: boolean;
  /** With its port, as written. */
  readonly authority: string;
  /** Lower case, without brackets. */
  readonly hostName: string;
  readonly port: number;
  readonly portGiven: boolean;
  /** Path and query. */
  readonly target: string;
}

/** @throws SallyportError (CONFIG_INVALID) */
export function readUrl(text: string): ReadUrl {
  const [, scheme = '', authority = '', rest = ''] =
    /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(text) ?? [];
  const parsed = parseHostPort(authority);
  if (parsed === null) {
    throw new SallyportError('CONFIG_INVALID', `"${text}" is no http:// or https:// URL`);
  }
  const tls = scheme.toLowerCase() === 'https';
  return {
    tls,
    authority,
    hostName: parsed.host.toLowerCase(),
    port: parsed.port ?? (tls ? 443 : 80),
    portGiven: parsed.port !== null,
    target: rest.startsWith('/') ? rest : `/${rest}`,
  };
}

/** @throws SallyportError (CONFIG_INVALID) for a header that is none */
export function requestBytes(url: ReadUrl, request: ExplainedRequest): Buffer {
  const { method = 'GET', headers = [] } = request;
  for (const line of headers) {
    if (/^[^\s:]+:/.test(line) && !/[\r\n]/.test(line)) continue;
    throw new SallyportError('CONFIG_INVALID', `"${line}" is no header: write "Name: value"`);
  }
  const named = headers.some((line) => /^host:/i.test(line));
  const lines = [...(named ? [] : [`Host: ${url.authority}`]), ...headers];
  return Buffer.from(`${method} ${url.target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

/** What the handshake of such a client shows. @param required - `ssl_verify_client on` */
export function explainedTls(
  { clientCertificate = 'absent' }: ExplainedRequest,
  { hostName }: ReadUrl,
  required: boolean,
): ClientTls {
  const shown = clientCertificate !== 'absent';
  const subject = shown && clientCertificate !== 'present' ? clientCertificate : '';
  return {
    ...noClientTls,
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    serverName: isIP(hostName) === 0 ? hostName : '',
    verify: shown ? 'SUCCESS' : 'NONE',
    certificateProblem: !shown && required ? 'absent' : null,
    subject,
    subjectLegacy: subject === '' ? '' : `/${subject.split(',').reverse().join('/')}`,
  };
}
