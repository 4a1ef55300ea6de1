// `ssl_certificate` and `ssl_certificate_key`: pairs that are read now, and those with variables,
// which are read in handshakes.

import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ErrorLog } from '../log/error-log.ts';
import { certificateError, type KeyPair } from '../tls/pem.ts';
import type { BuildContext } from './build-context.ts';
import { checkHandshakeVariables } from './handshake-exchange.ts';
import { VariableCertificates } from './proxy-ssl-certificate.ts';
import {
  decryptPair,
  readPair,
  readPasswordFile,
  readTlsFile,
  type PairArguments,
} from './proxy-ssl-files.ts';
import type { PairSource } from './ssl-named-policies.ts';
import {
  sslCertificate,
  sslCertificateCache,
  sslCertificateKey,
  sslPasswordFile,
} from './ssl-rows.ts';

/** All pairs of a server in their order; null after a reported error. */
export function readPairSources(
  scope: Scope,
  context: BuildContext,
  errorLog: ErrorLog,
): readonly PairSource[] | null {
  const certificates = scope.get(sslCertificate);
  const keys = scope.get(sslCertificateKey);
  const passwords = readPasswordFile(scope.get(sslPasswordFile), context);
  const keyless = certificates[keys.length];
  if (keyless !== undefined) {
    const message = `no "ssl_certificate_key" is defined for certificate "${keyless.text}"`;
    context.reportOnce('error', keyless.at, message);
  }
  const settings = scope.get(sslCertificateCache);
  const read = certificates.map((certificate, i): PairSource | null => {
    const key = keys[i];
    if (key === undefined) {
      if (!certificate.text.includes('$')) readTlsFile(certificate, 'certificate', context);
      return null;
    }
    if (passwords === null) return null;
    const pair = { certificate, key };
    if (!hasVariables(pair)) {
      const read = readPair(pair, context);
      return read === null ? null : decryptPair(read, passwords, key.at, context);
    }
    return fromVariables(pair, context, {
      of: VariableCertificates.compile(
        { pair, passwords, settings, clientsMayChoose: true },
        context,
      ),
      errorLog,
    });
  });
  const sources = read.filter((source) => source !== null);
  return sources.length < certificates.length ? null : sources;
}

function hasVariables({ certificate, key }: PairArguments): boolean {
  return certificate.text.includes('$') || key.text.includes('$');
}

function fromVariables(
  { certificate, key }: PairArguments,
  context: BuildContext,
  { of, errorLog }: { readonly of: VariableCertificates; readonly errorLog: ErrorLog },
): PairSource {
  checkHandshakeVariables(certificate, context);
  checkHandshakeVariables(key, context);
  const complain = (_: Exchange, message: string): void => errorLog.log('error', message);
  return (x: Exchange): KeyPair => {
    const loaded = of.of(x, complain);
    if (loaded !== null) return loaded.pair;
    throw certificateError(nameOf(certificate), 'its variables come to nothing');
  };
}

function nameOf({ text }: Argument): string {
  return text.startsWith('data:') ? 'data:' : text;
}
