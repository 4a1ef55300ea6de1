// Proves what the policies of a configuration do: impostors on loopback take the places of its
// upstream servers, and the compiled policies, with only the address replaced, have to refuse them.
//
// A policy refuses all that we can sign because of our CA alone. So that name and dates are proved as
// well, a twin that trusts our CA instead has to accept a genuine certificate of ours, and to refuse
// the same impostors for what is wrong with each.

import { SallyportError, type ErrorCode } from '../base/errors.ts';
import { compileConfiguration, type Compiled } from '../modules/compile.ts';
import type { TlsHopTarget } from '../modules/proxy-ssl-targets.ts';
import type { ImpostorServer } from '../tls/impostor-server.ts';
import { attemptUpstreamTls, type Attempt } from '../tls/probe-connect.ts';
import {
  createUpstreamTlsPolicy,
  policyInForce,
  type UpstreamTlsPolicy,
} from '../tls/upstream-policy.ts';
import type { UpstreamTlsTarget } from '../tls/upstream-target.ts';
import type { VerifyMode } from '../tls/upstream-settings.ts';
import { load, type LoadedConfiguration } from './load.ts';
import type { ConfigurationOptions } from './options.ts';
import {
  impostorKinds,
  startImpostors,
  type ImpostorKind,
  type Impostors,
} from './selftest-impostors.ts';

export type { ImpostorKind } from './selftest-impostors.ts';
export { impostorKinds } from './selftest-impostors.ts';

/** What became of one impostor. */
export interface ImpostorOutcome {
  readonly impostor: ImpostorKind;
  /** `reported`: refused in words only, `proxy_ssl_verify report`. */
  readonly outcome: 'refused' | 'reported' | 'let through';
  /** Why it was refused by the policy. */
  readonly code: ErrorCode | null;
  /** Why its twin, which trusts the CA of the test, refuses it; null where that was not asked. */
  readonly twinCode: ErrorCode | null;
}

/** One server of one hop. */
export interface SelfTestRow {
  /** "nginx.conf:40" */
  readonly from: string;
  /** The URL as configured. */
  readonly to: string;
  /** As configured; null where it depends on the request. */
  readonly server: string | null;
  /** The name that was verified; one of ours where it depends on the request. */
  readonly name: string;
  readonly mode: VerifyMode;
  readonly outcomes: readonly ImpostorOutcome[];
  /**
   * Did the twin accept the genuine certificate? Null: there is no twin, since nothing is verified.
   * False makes the refusals by the twin worth less: `genuineCode` says why.
   */
  readonly genuine: boolean | null;
  readonly genuineCode: ErrorCode | null;
  /**
   * `proved`: all are refused; `failed`: one got through although the hop is to be verified;
   * `unverified`: let through as configured.
   */
  readonly verdict: 'proved' | 'failed' | 'unverified';
}

/** What a self-test found. */
export interface SelfTestReport {
  /** With errors in it nothing was tested. */
  readonly configuration: LoadedConfiguration;
  readonly rows: readonly SelfTestRow[];
}

/** Milliseconds for a handshake on loopback. */
const timeoutMs = 5000;

/** The name for hops whose name depends on the request. */
const anyName = 'from-request.invalid';

/**
 * Tests every upstream TLS policy of a configuration. Names are not looked up, and nothing is sent to
 * anybody: all connections lead to this machine.
 *
 * Errors in the configuration do not reject: see `configuration.ok`.
 */
export async function selfTest(options: ConfigurationOptions = {}): Promise<SelfTestReport> {
  let compiled: Compiled | null = null;
  const configuration = await load(options, {
    compile: async (input) => {
      compiled = await compileConfiguration(input);
      return compiled;
    },
    lookup: () => Promise.resolve(['127.0.0.1']),
  });
  if (!configuration.ok) return { configuration, rows: [] };
  return { configuration, rows: await testTargets(targetsOf(compiled)) };
}

function targetsOf(compiled: Compiled | null): readonly TlsHopTarget[] {
  return compiled?.tlsTargets ?? [];
}

/** How an impostor is met; replaced in tests. */
type Meet = (target: UpstreamTlsTarget) => Promise<Attempt>;

/** Internal: the rows for targets. */
export async function testTargets(
  targets: readonly TlsHopTarget[],
  meetWith: Meet = meetImpostor,
): Promise<readonly SelfTestRow[]> {
  const known = new Map<string, Tested>();
  const rows: SelfTestRow[] = [];
  for (const target of targets) {
    const name = target.verifyName ?? anyName;
    const policy = policyInForce(target.policy);
    const key = [policy.key, name, target.serverName ?? ''].join('\0');
    const tested = known.get(key) ?? (await testOne({ ...target, policy }, name, meetWith));
    known.set(key, tested);
    const { from, to, server } = target;
    rows.push({ from, to, server, name, mode: policy.settings.verify, ...tested });
  }
  return rows;
}

type Tested = Pick<SelfTestRow, 'outcomes' | 'genuine' | 'genuineCode' | 'verdict'>;

async function testOne(
  { policy, serverName }: TlsHopTarget,
  name: string,
  meetWith: Meet,
): Promise<Tested> {
  const { sans, verify } = policy.settings;
  const impostors = await startImpostors({ name, sans });
  try {
    const twin = verify === 'on' ? twinOf(policy, impostors.authority) : null;
    const meet = (server: ImpostorServer, under: UpstreamTlsPolicy): Promise<Attempt> =>
      meetWith({
        policy: under,
        address: server.address,
        verifyName: name,
        serverName,
      });
    const outcomes: ImpostorOutcome[] = [];
    for (const impostor of impostorKinds) {
      const server = serverOf(impostors, impostor);
      const { error, reported } = await meet(server, policy);
      // The CA of the test is the wrong one to every policy but the twin.
      const second = twin === null || impostor === 'wrong CA' ? null : await meet(server, twin);
      outcomes.push(outcomeOf(impostor, { error, reported, second }));
    }
    const control = twin === null ? null : await meet(impostors.genuine, twin);
    return {
      outcomes,
      genuine: control === null ? null : control.error === null,
      genuineCode: control?.error?.code ?? null,
      verdict: verdictOf(verify, outcomes),
    };
  } finally {
    await impostors.close();
  }
}

// A refusal counts only where it is one of TLS.
async function meetImpostor(target: UpstreamTlsTarget): Promise<Attempt> {
  const attempt = await attemptUpstreamTls(target, timeoutMs);
  if (attempt.error?.code.startsWith('UPSTREAM_CONNECT_') === true) throw attempt.error;
  return attempt;
}

function serverOf({ servers }: Impostors, kind: ImpostorKind): ImpostorServer {
  const server = servers.get(kind);
  if (server === undefined) throw new SallyportError('INTERNAL', `no impostor "${kind}"`);
  return server;
}

function outcomeOf(
  impostor: ImpostorKind,
  {
    error,
    reported,
    second,
  }: Pick<Attempt, 'error' | 'reported'> & { readonly second: Attempt | null },
): ImpostorOutcome {
  const passed = error === null || (second !== null && second.error === null);
  const outcome = passed ? (reported === null ? 'let through' : 'reported') : 'refused';
  const code = error?.code ?? reported?.code ?? null;
  return { impostor, outcome, code, twinCode: second?.error?.code ?? null };
}

function verdictOf(mode: VerifyMode, outcomes: readonly ImpostorOutcome[]): SelfTestRow['verdict'] {
  if (outcomes.every(({ outcome }) => outcome === 'refused')) return 'proved';
  return mode === 'on' ? 'failed' : 'unverified';
}

// Everything as it is but for the CAs. What would refuse a certificate of ours for another reason
// than those of the table (pins, revocation) is left out.
function twinOf({ settings }: UpstreamTlsPolicy, authority: string): UpstreamTlsPolicy {
  return createUpstreamTlsPolicy({
    ...settings,
    trusted: { path: 'the CA of the self-test', pem: authority },
    crl: [],
    pins: [],
    ocsp: 'off',
    sessionReuse: false,
  });
}
