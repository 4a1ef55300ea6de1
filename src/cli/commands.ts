// The subcommands. Each one is a row; its code is loaded only when it runs.

/** One subcommand. */
export interface Command {
  readonly name: string;
  /** One line for the help text. */
  readonly summary: string;
  /** @returns the exit code */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** All subcommands, in the order of the help text. */
export const commands: readonly Command[] = [
  {
    name: 'demo',
    summary: 'show a verified hop, and what happens when a certificate is wrong',
    run: async (args) => (await import('./demo.ts')).runDemo(args),
  },
  {
    name: 'audit',
    summary: 'say which hops of a configuration, for nginx or Sallyport, nobody checks',
    run: async (args) => (await import('./audit.ts')).runAudit(args),
  },
  {
    name: 'selftest',
    summary: 'prove that the upstream policies of a configuration refuse impostors',
    run: async (args) => (await import('./selftest.ts')).runSelfTest(args),
  },
  {
    name: 'explain',
    summary: 'say what happens to a request: server, location, upstream, what is verified',
    run: async (args) => (await import('./explain.ts')).runExplain(args),
  },
  {
    name: 'pki',
    summary: 'a small private CA for the hops inside: init, issue, list, renew',
    run: async (args) => (await import('./pki.ts')).runPki(args),
  },
];
