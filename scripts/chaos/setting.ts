// Everything that stands around the proxy of a run: certificates, upstream processes, a name server,
// ports; and the configuration that fits them.

import { writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from '../../src/pki/authority.ts';
import { DnsServer } from '../../test/kit/dns-server.ts';
import { freePorts } from '../../test/kit/ports.ts';
import { atEnd, type Scope } from '../../test/kit/scope.ts';
import { configuration, type Surroundings, type Variant } from './configuration.ts';
import { Upstream } from './upstream.ts';

type Pair = { readonly cert: string; readonly key: string };

export interface Setting {
  readonly folder: string;
  readonly ca: CertificateAuthority;
  /** The first is left alone. */
  readonly group: readonly Upstream[];
  /** Its certificate runs out. */
  readonly short: Upstream;
  readonly names: DnsServer;
  readonly around: Surroundings;
}

/** A certificate for a server; `lifeMs` from now. */
export async function pairFor(
  ca: CertificateAuthority,
  name: string,
  lifeMs: number = 86_400_000,
): Promise<Pair & { readonly endsAt: number }> {
  // Certificates know whole seconds only.
  const endsAt = Math.floor((Date.now() + lifeMs) / 1000) * 1000;
  const notAfter = new Date(endsAt);
  const issued = await ca.issue({ commonName: name, purpose: 'server', notAfter });
  return { cert: issued.chainPem, key: issued.keyPem, endsAt };
}

/** Writes the certificate of the listeners: the key and the certificate each at once. */
export async function writeFront(folder: string, ca: CertificateAuthority): Promise<void> {
  const { cert, key } = await pairFor(ca, 'b.test');
  for (const [name, text] of Object.entries({ 'front.key': key, 'front.crt': cert })) {
    writeFileSync(join(folder, `${name}.new`), text, { mode: 0o600 });
    renameSync(join(folder, `${name}.new`), join(folder, name));
  }
}

export function writeConfiguration({ folder, around }: Setting, variant: Variant): void {
  writeFileSync(join(folder, 'sallyport.conf'), configuration(around, variant));
}

/** Makes and starts all of it; what was started ends with `scope`. */
export async function makeSetting(folder: string, scope: Scope): Promise<Setting> {
  const ca = await CertificateAuthority.create({ commonName: 'Chaos root' });
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, ca.certificatePem);
  await writeFront(folder, ca);
  const [plainPort = 0, tlsPort = 0, extraPort = 0, shortPort = 0, ...groupPorts] =
    await freePorts(8);
  const tls = await pairFor(ca, 'a.test');
  const start = async (name: string, port: number, closes: boolean): Promise<Upstream> => {
    const journal = join(folder, `upstream-${name}.log`);
    writeFileSync(journal, '');
    const upstream = new Upstream({ name, port, journal, tls, closes });
    atEnd(scope, () => upstream.kill());
    await upstream.start();
    return upstream;
  };
  const group: Upstream[] = [];
  for (const [i, port] of groupPorts.entries()) group.push(await start(String(i), port, false));
  const short = await start('short', shortPort, true);
  const names = await DnsServer.start(scope);
  names.setAddresses('far.test', ['127.0.0.1']);
  const around: Surroundings = {
    plainPort,
    tlsPort,
    extraPort,
    group: groupPorts,
    shortPort,
    resolver: names.address,
    caFile,
  };
  return { folder, ca, group, short, names, around };
}
