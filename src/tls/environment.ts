// Environment variables that change what Node trusts behind everybody's back. The runtime hands
// them in at start: one of them refuses to start, the others are named in the log.

/** What the environment means for TLS. */
export interface TlsEnvironment {
  /** Why the process must not start; null where it may. */
  readonly refuse: string | null;
  /** One line for each variable that changes something. */
  readonly notes: string[];
}

const meaning: readonly (readonly [name: string, note: string])[] = [
  [
    'NODE_EXTRA_CA_CERTS',
    'adds CAs to the default list of Node.js; upstreams are verified without it',
  ],
  ['NODE_USE_SYSTEM_CA', 'changes the default list of Node.js; upstreams are verified without it'],
  ['SSL_CERT_FILE', "replaces the file of the system's trust store, which verifies upstreams"],
  ['SSL_CERT_DIR', "replaces the directory of the system's trust store, which verifies upstreams"],
  ['OPENSSL_CONF', 'can change protocols, ciphers and security level of OpenSSL'],
];

const nodeOptions =
  /--(?:use-openssl-ca|use-system-ca|use-bundled-ca|tls-[a-z0-9.-]+|trace-tls|openssl-[a-z-]+|security-revert[^\s]*)/g;

/**
 * Judges the environment.
 *
 * @param env - `process.env`, or a record like it
 */
export function checkTlsEnvironment(env: Record<string, string | undefined>): TlsEnvironment {
  const notes = meaning
    .filter(([name]) => isSet(env[name]))
    .map(([name, note]) => `${name}=${env[name] ?? ''} ${note}`);
  const options = env['NODE_OPTIONS']?.match(nodeOptions) ?? [];
  if (options.length > 0) notes.push(`NODE_OPTIONS has ${options.join(' ')}, which changes TLS`);
  return { refuse: refusal(env['NODE_TLS_REJECT_UNAUTHORIZED']), notes };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

// Our own connections do not look at it, but whoever sets it expects that nothing is verified.
function refusal(value: string | undefined): string | null {
  if (value !== '0') return null;
  return (
    'NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate verification off for the whole process: ' +
    'unset it (verification of one upstream is a matter of proxy_ssl_verify)'
  );
}
