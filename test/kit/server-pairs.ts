// Certificates for the names of a test's servers, as directives.

import { testPki } from './pki.ts';
import { makeTempFolder, removeFolder, writeIn } from './temp-folder.ts';

/** `ssl_certificate` and `ssl_certificate_key` with a certificate for each name and what is below. */
export async function serverPairs<Name extends string>(
  names: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const { root } = await testPki();
  const folder = makeTempFolder();
  process.on('exit', () => removeFolder(folder));
  const made = await Promise.all(
    names.map(async (name) => {
      const dns = [name, `*.${name}`];
      const issued = await root.issue({ commonName: name, dns, purpose: 'server' });
      const text =
        `ssl_certificate ${writeIn(folder, `${name}.crt`, issued.chainPem)}; ` +
        `ssl_certificate_key ${writeIn(folder, `${name}.key`, issued.keyPem)};`;
      return [name, text] as const;
    }),
  );
  return Object.fromEntries(made) as Record<Name, string>;
}
