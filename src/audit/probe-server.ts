// One address of one server of a hop: looked at, tried as configured, and with what would make it
// verify.

import type { X509Certificate } from 'node:crypto';
import { formatAddress, type Address } from '../base/address.ts';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import { issuerUrls } from '../tls/certificate-extensions.ts';
import { rfc2253 } from '../tls/distinguished-name.ts';
import { oneLine } from '../tls/log-text.ts';
import { attemptUpstreamTls } from '../tls/probe-connect.ts';
import { isValidToday, type TrustStore } from '../tls/trust-store.ts';
import { findVerifiedPath, intermediatesOf, missingIssuer } from '../tls/verified-path.ts';
import type { Dialect, Hop, HopServer } from './model.ts';
import { adviceFor, pinAdviceFor } from './probe-advice.ts';
import { describe, notesOn, ocspOf } from './probe-facts.ts';
import type { ProbeName, ProbeVerdict, ServerProbe, TrustResult } from './probe-model.ts';
import { isFor } from './probe-names.ts';
import type { Trial } from './probe-repairs.ts';
import { policyOf, ProbeSearch, type SearchEnd } from './probe-search.ts';
import { readProbeBase, urlHost, type ProbeBase } from './probe-settings.ts';

/** What is probed. */
export interface ProbeSubject {
  readonly hop: Hop;
  readonly server: HopServer;
  readonly address: Address;
  readonly dialect: Dialect;
  readonly folder: string;
  readonly timeoutMs: number;
  readonly saveFolder: string | null;
}

/** What was probed already: hundreds of locations may lead to one server under one policy. */
export type ProbeMemory = Map<string, Promise<ServerProbe>>;

/** Probes one address, once for all hops that are alike. */
export function probeServer(subject: ProbeSubject, memory: ProbeMemory): Promise<ServerProbe> {
  const { hop, server, address } = subject;
  const base = readProbeBase(hop, server, subject);
  const at = server.node?.at ?? null;
  const told = [hop.kind, hop.verification, hop.group, hop.servers.length, urlHost(hop, server)];
  const key = JSON.stringify([address, base, told, server.address, at]);
  const known = memory.get(key) ?? probeAddress(subject, base);
  memory.set(key, known);
  return known;
}

async function probeAddress(subject: ProbeSubject, base: ProbeBase): Promise<ServerProbe> {
  const { address, dialect, timeoutMs } = subject;
  const names = knownNames(subject, base);
  const trial: Trial = { settings: base.settings, name: base.name, sendName: base.sendName };
  const known = [...new Set(names.map(({ name }) => name))];
  const end = await new ProbeSearch({ address, trial, dialect, known, timeoutMs }).run();
  const trusts = await judgeTrusts(subject, trial, end);
  return report(subject, { base, names, end, trusts });
}

/** A server that is not reached at all. */
export function unprobed(
  server: HopServer,
  why: {
    readonly verdict: ProbeVerdict;
    readonly code: ErrorCode | null;
    readonly message: string;
  },
): ServerProbe {
  return {
    server: server.address,
    address: null,
    ok: false,
    ...why,
    ...{ blockedBy: why.code, names: [], configuredTrust: null, systemTrust: null },
    ...{ depth: null, missing: null, issuerUrls: [], chain: [], chainPem: [] },
    ...{ protocol: '', cipher: '', curve: '', ocsp: 'none', advice: null, pinAdvice: null },
    notes: [],
  };
}

type NamedBy = Omit<ProbeName, 'matches'>;

function knownNames({ hop, server }: ProbeSubject, base: ProbeBase): readonly NamedBy[] {
  const host = urlHost(hop, server);
  const all: NamedBy[] = [
    { name: base.name, source: 'configured' },
    { name: server.sslName ?? server.host, source: 'server' },
    hop.group === null ? { name: host, source: 'url' } : { name: hop.group, source: 'group' },
  ];
  return all.filter(
    ({ name }, i) => name !== '' && all.findIndex((one) => one.name === name) === i,
  );
}

interface Trusts {
  readonly configured: TrustResult | null;
  readonly system: TrustResult | null;
}

// Chains alone: without a name a policy refuses everything that it has found to be good.
async function judgeTrusts(subject: ProbeSubject, trial: Trial, end: SearchEnd): Promise<Trusts> {
  if (end.look.chain.length === 0) return { configured: null, system: null };
  const { trusted } = trial.settings;
  const judge = async (settings: Trial['settings']): Promise<TrustResult | null> => {
    const policy = policyOf({ settings });
    if (policy instanceof SallyportError) return null;
    const { name, sendName } = end.found ?? trial;
    const serverName = sendName ? name : null;
    const target = { policy, address: subject.address, verifyName: '', serverName };
    const { error, verified } = await attemptUpstreamTls(target, subject.timeoutMs);
    if (error?.code === 'UPSTREAM_TLS_CLIENT_CERT_REFUSED' && !verified) {
      return byPath(end.look.chain[0] ?? null, policy.trust);
    }
    const ok = verified || error?.code === 'UPSTREAM_TLS_NAME_MISMATCH';
    return { ok, code: ok ? null : (error?.code ?? null) };
  };
  const found = end.found?.settings ?? trial.settings;
  const { protocols, ciphers, groups, overrides } = found;
  const plain = { ...trial.settings, protocols, ciphers, groups, overrides };
  const alone = { ...plain, sans: [], pins: [], crl: [], verifyDepth: 100, ocsp: 'off' as const };
  return {
    configured: trusted === null ? null : await judge(alone),
    system: await judge({ ...alone, trusted: null }),
  };
}

// No handshake comes to an end without the client certificate that the server wants.
function byPath(leaf: X509Certificate | null, trust: TrustStore): TrustResult {
  const path = leaf === null ? null : findVerifiedPath(leaf, trust);
  if (path === null) return { ok: false, code: 'UPSTREAM_TLS_UNKNOWN_ISSUER' };
  const ok = path.every(isValidToday);
  return { ok, code: ok ? null : 'UPSTREAM_TLS_EXPIRED' };
}

interface Found {
  readonly base: ProbeBase;
  readonly names: readonly NamedBy[];
  readonly end: SearchEnd;
  readonly trusts: Trusts;
}

function report(subject: ProbeSubject, { base, names, end, trusts }: Found): ServerProbe {
  const { hop, server, address, dialect } = subject;
  const { look, first, last } = end;
  const [leaf = null] = look.chain;
  const ok = first === null && base.trustGiven;
  const verdict = verdictOf(hop, end, ok);
  const policy = policyOf(end.found ?? { settings: base.settings });
  const trust = policy instanceof SallyportError ? null : policy.trust;
  const path = leaf === null || trust === null ? null : findVerifiedPath(leaf, trust);
  const below = leaf === null ? null : missingBelow(leaf, end, base);
  const chain = look.chain.map(describe);
  const ocsp = ocspOf(look, trust);
  const how = { dialect, commonName: base.settings.verifyCommonName };
  const code = first?.code ?? (ok ? null : 'UPSTREAM_TLS_UNKNOWN_ISSUER');
  return {
    server: server.address,
    address: formatAddress(address),
    ok,
    verdict,
    code,
    message: oneLine(first?.message ?? (ok ? '' : noTrust)),
    blockedBy: verdict === 'cannot' || verdict === 'unreachable' ? (last?.code ?? code) : null,
    names:
      leaf === null ? [] : names.map((one) => ({ ...one, matches: isFor(leaf, one.name, how) })),
    configuredTrust: trusts.configured,
    systemTrust: trusts.system,
    depth: path === null ? null : intermediatesOf(path),
    missing: below === null ? null : oneLine(rfc2253(below.issuer)),
    issuerUrls: below === null ? [] : issuerUrls(below).map(oneLine),
    chain,
    chainPem: look.chain.map((one) => one.toString()),
    protocol: look.agreed.protocol,
    cipher: look.agreed.cipher,
    curve: look.agreed.curve,
    ocsp,
    advice: ok && verdict === 'verified' ? null : adviceFor(end, base, subject),
    pinAdvice: pinFor(subject, end, leaf),
    notes: [...base.notes.map(oneLine), ...notesOn(chain, ocsp)],
  };
}

const noTrust = 'there is no CA to verify against: nginx has no default, and verifies nothing';

function verdictOf(
  { verification }: Hop,
  { look, found, first }: SearchEnd,
  ok: boolean,
): ProbeVerdict {
  if (ok) return verification === 'on' ? 'verified' : 'would-verify';
  if (found !== null) return 'fixable';
  const away =
    first?.code === 'UPSTREAM_CONNECT_FAILED' || first?.code === 'UPSTREAM_CONNECT_TIMEOUT';
  return away && look.chain.length === 0 ? 'unreachable' : 'cannot';
}

function missingBelow(
  leaf: X509Certificate,
  { first }: SearchEnd,
  { settings }: ProbeBase,
): X509Certificate | null {
  const code = first?.code ?? '';
  if (!/UNKNOWN_ISSUER|SELF_SIGNED|CLIENT_CERT/.test(code)) return null;
  const policy = policyOf({ settings });
  return policy instanceof SallyportError ? null : missingIssuer(leaf, policy.trust);
}

// Of no use where the certificate itself is bad: whoever pins it will not notice that.
function pinFor(
  { hop }: ProbeSubject,
  { first, last, found }: SearchEnd,
  leaf: X509Certificate | null,
): ServerProbe['pinAdvice'] {
  if (leaf === null || first === null) return null;
  const nameless = found === null && last?.code === 'UPSTREAM_TLS_NAME_MISMATCH';
  const foreign = found !== null && /UNKNOWN_ISSUER|SELF_SIGNED/.test(first.code);
  return nameless || foreign ? pinAdviceFor(leaf, hop.kind) : null;
}
