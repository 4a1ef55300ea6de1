// What can be changed about a hop when a server is refused with a code: one row for each code that
// a configuration can mend. Whether a change helps is for a handshake to say, not for these rows.

import type { X509Certificate } from 'node:crypto';
import type { ErrorCode } from '../base/errors.ts';
import { demandsStaple, spkiPin } from '../tls/certificate-extensions.ts';
import type { PemFile } from '../tls/pem.ts';
import type { Look } from '../tls/probe-connect.ts';
import type { TlsProtocol } from '../tls/protocols.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { UpstreamTlsSettings } from '../tls/upstream-settings.ts';
import { findVerifiedPath, intermediatesOf } from '../tls/verified-path.ts';
import { commonNameOf } from '../tls/identity.ts';
import type { Dialect } from './model.ts';
import { fittingNames, presentedSans } from './probe-names.ts';

/** One way to configure the hop for one server. */
export interface Trial {
  readonly settings: UpstreamTlsSettings;
  readonly name: string;
  readonly sendName: boolean;
}

/** What is known when a trial has failed. */
export interface Situation {
  readonly trial: Trial;
  /** Of the trial; null where none can be made of it. */
  readonly policy: UpstreamTlsPolicy | null;
  readonly look: Look;
  /** Was the look made with the name that the trial sends? */
  readonly sameName: boolean;
  readonly leaf: X509Certificate | null;
  readonly dialect: Dialect;
  /** Names that the configuration has for this server. */
  readonly known: readonly string[];
}

type Repair = (situation: Situation) => readonly Trial[];

/** Path of a trusted file whose content is what the server presented. */
export const presentedPath = 'presented';

const trust: Repair = ({ trial, look }) => {
  const top = look.chain.at(-1);
  const selfIssued = top !== undefined && top.subject === top.issuer;
  const presented: PemFile[] = selfIssued ? [{ path: presentedPath, pem: top.toString() }] : [];
  return [null, ...presented].map((trusted) => changed(trial, { trusted }));
};

const names: Repair = ({ trial, leaf, dialect, known }) => {
  if (leaf === null) return [];
  const { verifyCommonName } = trial.settings;
  const fitting = fittingNames(leaf, known, { dialect, commonName: verifyCommonName });
  const sent = trial.sendName ? [] : [{ ...trial, sendName: true }];
  const renamed = fitting.map((name) => ({ ...trial, name }));
  return [...sent, ...renamed, ...(dialect === 'sallyport' ? ours(trial, leaf, known) : [])];
};

// RFC 9525 does not know common names; a URI is no host name.
function ours(trial: Trial, leaf: X509Certificate, known: readonly string[]): readonly Trial[] {
  const how = { dialect: 'sallyport', commonName: true } as const;
  const byCommonName = trial.settings.verifyCommonName
    ? []
    : fittingNames(leaf, [trial.name, ...known, commonNameOf(leaf)], how).map((name) => ({
        ...changed(trial, { verifyCommonName: true }),
        name,
      }));
  return [...byCommonName, ...sans({ leaf, trial })];
}

function sans({ leaf, trial }: Pick<Situation, 'leaf' | 'trial'>): readonly Trial[] {
  return leaf === null ? [] : presentedSans(leaf).map((san) => changed(trial, { sans: [san] }));
}

const protocol: Repair = ({ trial, look }) => {
  const spoken = look.agreed.protocol as TlsProtocol | '';
  if (spoken === '') return [];
  const { protocols, ciphers } = trial.settings;
  const old = spoken === 'TLSv1' || spoken === 'TLSv1.1';
  return [
    changed(trial, {
      protocols: [...new Set([spoken, ...protocols])].sort(),
      ciphers: old && !ciphers.includes('@SECLEVEL=0') ? `${ciphers}:@SECLEVEL=0` : ciphers,
    }),
  ];
};

// With the same name a look has gone through: then it is what was offered, else the name.
const offer: Repair = (situation) => {
  const { trial, sameName } = situation;
  const plain = { ciphers: 'DEFAULT', groups: 'auto', overrides: {} };
  const offers = [
    changed(trial, plain),
    ...protocol({ ...situation, trial: changed(trial, plain) }),
    changed(trial, { ...plain, ciphers: 'DEFAULT:@SECLEVEL=0' }),
  ];
  const asked = [...names(situation), { ...trial, sendName: !trial.sendName }];
  return sameName ? offers : [...asked, ...offers];
};

const depth: Repair = ({ trial, leaf, policy }) => {
  const path = leaf === null || policy === null ? null : findVerifiedPath(leaf, policy.trust);
  return path === null ? [] : [changed(trial, { verifyDepth: intermediatesOf(path) })];
};

const pin: Repair = ({ trial, leaf }) => {
  if (leaf === null) return [];
  return [changed(trial, { pins: [...new Set([spkiPin(leaf), ...trial.settings.pins])] })];
};

const staple: Repair = ({ trial, leaf }) =>
  leaf === null || demandsStaple(leaf) ? [] : [changed(trial, { ocsp: 'staple' })];

function changed(trial: Trial, settings: Partial<UpstreamTlsSettings>): Trial {
  return { ...trial, settings: { ...trial.settings, ...settings } };
}

/** By code. What is not here, no configuration mends. */
export const repairs: Readonly<Partial<Record<ErrorCode, Repair>>> = {
  UPSTREAM_TLS_UNKNOWN_ISSUER: trust,
  UPSTREAM_TLS_SELF_SIGNED: trust,
  UPSTREAM_TLS_NAME_MISMATCH: names,
  UPSTREAM_TLS_SAN_MISMATCH: sans,
  UPSTREAM_TLS_PIN_MISMATCH: pin,
  UPSTREAM_TLS_DEPTH_EXCEEDED: depth,
  UPSTREAM_TLS_OCSP_MISSING: staple,
  UPSTREAM_TLS_PROTOCOL_MISMATCH: protocol,
  UPSTREAM_TLS_HANDSHAKE_REFUSED: offer,
};
