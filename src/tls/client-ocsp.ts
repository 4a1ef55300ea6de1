// Are clients' certificates still good (`ssl_ocsp`)? Asked after the handshake, when OpenSSL has
// found the chain to be in order, and before the first request is looked at.

import type { X509Certificate } from 'node:crypto';
import { loadAsn1 } from './asn1.ts';
import { ocspResponders } from './certificate-extensions.ts';
import { contentHash } from './content-hash.ts';
import { askOcsp } from './ocsp-client.ts';
import type { OcspAnswer } from './ocsp-client.ts';
import type { OcspStatusCache } from './ocsp-status-cache.ts';
import type { StapleLog } from './staple-source.ts';
import type { ClientCheck } from './server-policy.ts';
import type { TrustStore } from './trust-store.ts';
import { findVerifiedPath } from './verified-path.ts';

/** For one server. */
export interface ClientOcspSettings {
  /** `leaf`: the client's own certificate alone; `chain`: every one but the root. */
  readonly extent: 'chain' | 'leaf';
  /** `ssl_ocsp_responder`, an `http://` URL; null for those that the certificates name. */
  readonly responder: string | null;
  /** `ssl_ocsp_cache`; null for none. */
  readonly cache: OcspStatusCache | null;
  /** For why a status could not be found out. */
  readonly log: StapleLog;
}

const failed = 'certificate status request failed';

/** Answers in nginx's words; all but good is a reason to refuse. */
type Status = 'good' | 'certificate revoked' | 'certificate status unknown' | typeof failed;

/** Asks about clients' certificates. */
export class ClientOcsp implements ClientCheck {
  /** Who has been checked otherwise has not been checked. */
  readonly key: string;
  readonly #settings: ClientOcspSettings;
  // Clients that come at once with one certificate are one question.
  readonly #underWay = new Map<string, Promise<Status>>();

  constructor(settings: ClientOcspSettings) {
    loadAsn1();
    this.#settings = settings;
    this.key = contentHash(['ocsp', settings.extent, settings.responder]);
  }

  /**
   * @param leaf - of a chain that has been verified with these CAs, as the socket hands it out:
   *   its presented chain is still linked to it
   * @returns null where all is good, else what follows `FAILED:` in `$ssl_client_verify`; never
   *   rejects
   */
  async check(leaf: X509Certificate, trust: TrustStore): Promise<string | null> {
    const path = findVerifiedPath(leaf, trust);
    if (path === null) return failed;
    const last = this.#settings.extent === 'leaf' ? Math.min(1, path.length - 1) : path.length - 1;
    for (let i = 0; i < last; i += 1) {
      const [certificate, issuer] = [path[i], path[i + 1]];
      if (certificate === undefined || issuer === undefined) return failed;
      const status = await this.#statusOf(certificate, issuer);
      if (status !== 'good') return status;
    }
    return null;
  }

  #statusOf(certificate: X509Certificate, issuer: X509Certificate): Promise<Status> {
    const key = `${certificate.fingerprint256} ${issuer.fingerprint256}`;
    const cached = this.#settings.cache?.get(key);
    if (cached !== undefined) return Promise.resolve(statusText(cached));
    let question = this.#underWay.get(key);
    if (question === undefined) {
      question = this.#ask(certificate, issuer, key).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, question);
    }
    return question;
  }

  async #ask(leaf: X509Certificate, issuer: X509Certificate, key: string): Promise<Status> {
    const { responder, log, cache } = this.#settings;
    const responders = responder === null ? ocspResponders(leaf) : [responder];
    const about = `OCSP of the client certificate "${leaf.subject.replaceAll('\n', ', ')}"`;
    if (responders.length === 0) {
      log('error', `${about}: no OCSP responder URL in certificate`);
      return failed;
    }
    const answer: OcspAnswer = await askOcsp({ leaf, issuer, responders });
    if (answer.verdict === null) {
      for (const problem of answer.problems) log('error', `${about}: ${problem}`);
      return failed;
    }
    const { verdict } = answer;
    // Without nextUpdate there is newer news at any time (RFC 6960, 4.2.2.1): nothing to keep.
    if (verdict.kind !== 'unknown' && verdict.nextUpdate !== null) {
      cache?.set(key, verdict.kind, verdict.nextUpdate);
    }
    return statusText(verdict.kind);
  }
}

function statusText(kind: 'good' | 'revoked' | 'unknown'): Status {
  if (kind === 'good') return 'good';
  return kind === 'revoked' ? 'certificate revoked' : 'certificate status unknown';
}
