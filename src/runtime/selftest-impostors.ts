// The certificates of a self-test: one that is in order, and the four ways in which somebody else
// would have to pretend.

import {
  CertificateAuthority,
  selfSigned,
  type Issued,
  type LeafOptions,
} from '../pki/authority.ts';
import { isIP } from 'node:net';
import { startImpostor, type ImpostorServer } from '../tls/impostor-server.ts';
import type { WantedSan } from '../tls/wanted-san.ts';

/** Who pretends. */
export type ImpostorKind = 'wrong CA' | 'wrong name' | 'expired' | 'self-signed';

/** In the order of the table. */
export const impostorKinds: readonly ImpostorKind[] = [
  'wrong CA',
  'wrong name',
  'expired',
  'self-signed',
];

/** Whom to pretend to be. */
export interface Victim {
  /** Host name or address. */
  readonly name: string;
  /** `proxy_ssl_san`: one of them takes the place of the name. */
  readonly sans: readonly WantedSan[];
}

/** Running servers for one victim. */
export interface Impostors {
  /** PEM of the CA of all that are not self-signed; no policy knows it. */
  readonly authority: string;
  readonly servers: ReadonlyMap<ImpostorKind, ImpostorServer>;
  /** The right name, in order in every way, of the same CA. */
  readonly genuine: ImpostorServer;
  close(): Promise<void>;
}

const hourMs = 3_600_000;

/** Starts them all. */
export async function startImpostors(victim: Victim): Promise<Impostors> {
  const authority = await CertificateAuthority.create({ commonName: 'Self-test CA', days: 2 });
  const right = leafFor(victim);
  const ended = {
    notBefore: new Date(Date.now() - 48 * hourMs),
    notAfter: new Date(Date.now() - hourMs),
  };
  const other: LeafOptions = {
    commonName: 'impostor.invalid',
    dns: ['impostor.invalid'],
    purpose: 'server',
    days: 1,
  };
  const [genuine, wrongName, expired, own] = await Promise.all([
    authority.issue(right),
    authority.issue(other),
    authority.issue({ ...right, ...ended }),
    selfSigned(right),
  ]);
  const issued: readonly (readonly [ImpostorKind, Issued])[] = [
    ['wrong CA', genuine],
    ['wrong name', wrongName],
    ['expired', expired],
    ['self-signed', own],
  ];
  const started = await Promise.all(
    issued.map(async ([kind, one]) => [kind, await start(one)] as const),
  );
  const real = await start(genuine);
  return {
    authority: authority.certificatePem,
    servers: new Map(started),
    genuine: real,
    close: async () => {
      await Promise.all([real, ...started.map(([, server]) => server)].map((one) => one.close()));
    },
  };
}

function start({ chainPem, keyPem }: Issued): Promise<ImpostorServer> {
  return startImpostor({ cert: chainPem, key: keyPem });
}

function leafFor({ name, sans }: Victim): LeafOptions {
  const of = (kind: WantedSan['kind']): string[] =>
    sans.filter((san) => san.kind === kind).map(({ value }) => value);
  const plain = name.replace(/\.$/, '');
  const address = isIP(plain) !== 0;
  return {
    commonName: 'self-test',
    dns: [...(address ? [] : [plain]), ...of('dns')],
    ip: [...(address ? [plain] : []), ...of('ip')],
    uri: of('uri'),
    purpose: 'server',
    days: 1,
  };
}
