// What stands for the operator's own values in the commands of the pages: `$ADDRESS` and the like.

import type { ErrorCheck, ErrorSource } from '../../src/base/errors.ts';

interface ShellVariable {
  readonly value: string;
  readonly from: string;
}

const common: Readonly<Record<string, ShellVariable>> = {
  ADDRESS: { value: '192.0.2.10:8443', from: 'behind "upstream:" in the log line' },
  CA: { value: '/etc/sallyport/internal-ca.pem', from: 'proxy_ssl_trusted_certificate' },
  CERT: { value: '/etc/sallyport/shop.pem', from: 'ssl_certificate' },
  CLIENT: { value: '/etc/sallyport/proxy-client.pem', from: 'proxy_ssl_certificate' },
  CLIENT_KEY: { value: '/etc/sallyport/proxy-client.key', from: 'proxy_ssl_certificate_key' },
  CONF: { value: '/etc/sallyport/sallyport.conf', from: 'the configuration' },
  CRL: { value: '/etc/sallyport/internal-ca.crl', from: 'proxy_ssl_crl' },
  CRL_URL: { value: 'http://ca.internal/internal-ca.crl', from: 'where the CA publishes it' },
  FILE: { value: '/etc/sallyport/shop.key', from: 'the file in the message' },
  HOST: { value: 'orders-1.internal', from: 'the name in the message' },
  KEY: { value: '/etc/sallyport/shop.key', from: 'ssl_certificate_key' },
  LOG: { value: '/var/log/sallyport/error.log', from: 'error_log' },
  NAME: { value: 'orders-1.internal', from: 'the name of the server' },
  PID: { value: '4711', from: 'the number in the file of pid' },
  PIDFILE: { value: '/run/sallyport/sallyport.pid', from: 'pid' },
  USERNAME: { value: 'www-data', from: 'user' },
};

const towardsClients: Readonly<Record<string, ShellVariable>> = {
  ADDRESS: { value: 'shop.example.com:443', from: 'where this proxy listens' },
  NAME: { value: 'shop.example.com', from: 'the name that the client asked for' },
};

const upstreamTls: Readonly<Record<string, ShellVariable>> = {
  ADDRESS: { value: '192.0.2.10:8443', from: 'behind "at", or "to upstream", in the log line' },
  NAME: { value: 'orders-1.internal', from: 'behind "wanted", or "server name"' },
};

/** The variables that commands use; `own` of those are of the code itself. */
export function usedVariables(checks: readonly ErrorCheck[]): string[] {
  const found = checks.flatMap(({ run }) => [...run.matchAll(/\$([A-Z][A-Z_]*)/g)]);
  return [...new Set(found.map(([, name = '']) => name))];
}

/** Lines that set the variables of commands. */
export function shellVariables(
  checks: readonly ErrorCheck[],
  source: ErrorSource,
  code: string,
): string {
  const special = source === 'client' ? towardsClients : upstreamTls;
  const isSpecial = source === 'client' || code.startsWith('UPSTREAM_TLS_');
  const table = isSpecial ? { ...common, ...special } : common;
  const lines = usedVariables(checks).map((name) => {
    const variable = table[name];
    if (variable === undefined) throw new Error(`$${name} in a command of ${code} has no value`);
    return [`${name}=${variable.value}`, variable.from] as const;
  });
  const width = Math.max(...lines.map(([text]) => text.length), 0);
  return lines.map(([text, from]) => `${text.padEnd(width)}  # ${from}`).join('\n');
}
