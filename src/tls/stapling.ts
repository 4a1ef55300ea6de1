// OCSP stapling towards clients (`ssl_stapling`): which response goes with a server's certificate.
//
//   OCSPRequest of a policy's tls.Server -> Stapler -> StapleSource (responder) or a file
//
// One Stapler for each certificate: with several in one context Node always reports the one that was
// loaded last, so each certificate needs a tls.Server of its own.

import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:tls';
import { loadAsn1 } from './asn1.ts';
import { ocspResponders } from './certificate-extensions.ts';
import { isResponderUrl } from './ocsp-client.ts';
import type { OcspSubject } from './ocsp-response.ts';
import { checkOcspResponse } from './ocsp-response.ts';
import type { StapleLog, StapleSource } from './staple-source.ts';
import { stapleSource } from './staple-source.ts';
import { pickIssuer } from './trust-store.ts';

/** A response from a file. */
export interface StapleFile {
  /** For messages. */
  readonly path: string;
  readonly der: Buffer;
}

/** For one certificate. */
export interface StaplerSettings {
  /** Leaf first, then what the file of the certificate holds besides. */
  readonly certificates: readonly X509Certificate[];
  /** The file of the certificate, for messages. */
  readonly name: string;
  /** `ssl_trusted_certificate`: where the issuer is looked for after the certificate's own file. */
  readonly trusted: readonly X509Certificate[];
  /** `ssl_stapling_file`; null to ask a responder. */
  readonly file: StapleFile | null;
  /** `ssl_stapling_responder`, an `http://` URL; null for those that the certificate names. */
  readonly responder: string | null;
  /** Told at once why nothing will be stapled, in nginx's words. */
  warn(message: string): void;
  /** For what goes wrong later. */
  readonly log: StapleLog;
}

/** Gives the response for one certificate. */
export interface Stapler {
  /** What is known now; null where nothing good is. Starts it where it has not been started. */
  staple(): Buffer | null;
  /** As `staple`, but waits a little where the very first question is still under way. */
  ready(): Promise<Buffer | null>;
  /** Begins to ask. Without it, the first handshake does. */
  start(): void;
  /** Ends all timers and questions. It may be started again. */
  stop(): void;
}

/**
 * A stapler for a certificate. Null where there can be none (its issuer or a responder is not
 * known): `warn` has been told why.
 */
export function staplerFor(settings: StaplerSettings): Stapler | null {
  loadAsn1();
  const { name, file } = settings;
  const subject = subjectOf(settings);
  if (subject === null) {
    const why = `issuer certificate not found for certificate "${name}"`;
    settings.warn(`"ssl_stapling" ignored, ${why}`);
    return null;
  }
  if (file !== null) return fileStapler(file, subject, settings);
  const { responder } = settings;
  if (responder !== null && !isResponderUrl(responder)) {
    const why = `invalid URL prefix in OCSP responder "${responder}" in the certificate "${name}"`;
    settings.warn(`"ssl_stapling" ignored, ${why}`);
    return null;
  }
  const responders = responder === null ? ocspResponders(subject.leaf) : [responder];
  if (responders.length === 0) {
    const why = `no OCSP responder URL in the certificate "${name}"`;
    settings.warn(`"ssl_stapling" ignored, ${why}`);
    return null;
  }
  return new ResponderStapler(stapleSource({ ...subject, name, responders }), settings.log);
}

function subjectOf({ certificates, trusted }: StaplerSettings): OcspSubject | null {
  const [leaf, ...more] = certificates;
  if (leaf === undefined) return null;
  const issuer = pickIssuer(more, leaf) ?? pickIssuer(trusted, leaf);
  return issuer === null ? null : { leaf, issuer };
}

/** How long the first handshake waits for the first response; without it, it goes on without. */
const firstWaitMs = 2_000;

class ResponderStapler implements Stapler {
  readonly #source: StapleSource;
  readonly #log: StapleLog;
  #started = false;
  #waited = false;

  constructor(source: StapleSource, log: StapleLog) {
    this.#source = source;
    this.#log = log;
  }

  staple(): Buffer | null {
    this.start();
    return this.#source.der;
  }

  async ready(): Promise<Buffer | null> {
    const known = this.staple();
    if (known !== null || this.#waited) return known;
    const wait = new Promise<void>((resolve) => {
      setTimeout(resolve, firstWaitMs).unref();
    });
    await Promise.race([this.#source.answered, wait]);
    // Who is down does not hold up every handshake.
    this.#waited = true;
    return this.#source.der;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#source.use(this, this.#log);
  }

  stop(): void {
    if (!this.#started) return;
    this.#started = false;
    this.#source.release(this);
  }
}

// Whatever is in the file, only what proves that the certificate is good is sent.
function fileStapler(file: StapleFile, subject: OcspSubject, settings: StaplerSettings): Stapler {
  const read = (): string | null => {
    const verdict = checkOcspResponse(file.der, subject);
    if (verdict.kind === 'good') return null;
    return verdict.kind === 'invalid' ? verdict.reason : `it says "${verdict.kind}"`;
  };
  const atLoad = read();
  if (atLoad !== null) {
    const what = `the response in "${file.path}" does not fit the certificate "${settings.name}"`;
    settings.warn(`"ssl_stapling" is without effect, ${what}: ${atLoad}`);
  }
  let complained = atLoad !== null;
  const staple = (): Buffer | null => {
    const problem = read();
    if (problem === null) return file.der;
    if (!complained) settings.log('error', `OCSP response in "${file.path}": ${problem}`);
    complained = true;
    return null;
  };
  const nothing = (): void => undefined;
  return { staple, ready: () => Promise.resolve(staple()), start: nothing, stop: nothing };
}

/** Answers the clients of a server that ask for a staple. The server has one certificate. */
export function attachStapler(server: Server, stapler: Stapler): void {
  server.on('OCSPRequest', (_certificate, _issuer, callback) => {
    const known = stapler.staple();
    // An error would reset the connection without an alert. With null, which the types leave out,
    // it goes on without a staple.
    if (known !== null) callback(null, known);
    else void stapler.ready().then((der) => callback(null, der as Buffer));
  });
}
