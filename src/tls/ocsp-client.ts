// Asks OCSP responders over HTTP (RFC 6960, appendix A.1). Everything that comes back is a
// stranger's: bounded in time and size here, believed only after ocsp-response.ts has checked it.

import type { X509Certificate } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { describeFileError, systemErrorHint } from '../base/system-error.ts';
import { reasonOf } from './pem.ts';
import { ocspRequest } from './ocsp-request.ts';
import type { OcspSubject, OcspVerdict } from './ocsp-response.ts';
import { checkOcspResponse, largestResponse } from './ocsp-response.ts';

/** For one question: name look-up, connection and answer together. */
const answerTimeoutMs = 10_000;

/** A certificate may name many responders; the further ones are for when the first is down. */
const mostResponders = 3;

/** Whom to ask about what. */
export interface OcspQuestion extends OcspSubject {
  /** `http://` URLs, asked in this order until one gives a response that can be believed. */
  readonly responders: readonly string[];
  /** Gives up where it is aborted. */
  readonly signal?: AbortSignal;
}

/** Is it a URL that a responder can be asked at? As in nginx, `http://` with a host. */
export function isResponderUrl(url: string): boolean {
  return /^http:\/\/[^/?#]/i.test(url) && URL.canParse(url);
}

/** What came of it. */
export type OcspAnswer =
  | { readonly verdict: Exclude<OcspVerdict, { kind: 'invalid' }>; readonly der: Buffer }
  /** One text for each responder that was asked. */
  | { readonly verdict: null; readonly problems: readonly string[] };

/**
 * Asks until a responder gives a response that can be believed. Never rejects.
 */
export async function askOcsp(question: OcspQuestion): Promise<OcspAnswer> {
  const { leaf, issuer, signal } = question;
  const problems: string[] = [];
  for (const url of question.responders.slice(0, mostResponders)) {
    try {
      const der = await fetchResponse(url, encodeRequest(leaf, issuer), signal);
      const verdict = checkOcspResponse(der, question);
      if (verdict.kind !== 'invalid') return { verdict, der };
      problems.push(`the response of "${url}" is refused: ${verdict.reason}`);
    } catch (error) {
      const why = systemErrorHint(error) === '' ? reasonOf(error) : describeFileError(error);
      problems.push(`asking "${url}" failed: ${why}`);
    }
  }
  return { verdict: null, problems };
}

function encodeRequest(leaf: X509Certificate, issuer: X509Certificate): Buffer {
  try {
    return ocspRequest(leaf, issuer);
  } catch (error) {
    throw new Error('the certificate cannot be read', { cause: error });
  }
}

/**
 * Sends one request and gives the body of the answer, unchecked. No redirects are followed and no
 * connection is kept.
 *
 * @throws Error saying what went wrong
 */
export function fetchResponse(url: string, body: Buffer, signal?: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = open(url, body);
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer in ${answerTimeoutMs / 1000} s`));
    }, answerTimeoutMs).unref();
    const abort = (): void => {
      request.destroy(new Error('given up'));
    };
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    request.on('close', finish);
    request.on('error', reject);
    request.on('response', (response) => {
      readAnswer(response).then(resolve, (error: unknown) => {
        request.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
    request.end(body);
  });
}

function open(url: string, body: Buffer): ClientRequest {
  // Not imported: that would load its WebSocket and fetch as well, at the start of each thread.
  const request = process.getBuiltinModule('node:http').request(url, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/ocsp-request',
      'content-length': body.length,
      accept: 'application/ocsp-response',
      connection: 'close',
    },
  });
  // A process that has nothing else to do does not wait for a responder.
  request.on('socket', (socket) => socket.unref());
  return request;
}

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
  const type = (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/ocsp-response') throw new Error(`it answered with a body of ${type}`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > largestResponse) throw new Error('its answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
