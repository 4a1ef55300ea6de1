// nginx's command line: the same flags in the same forms (`-tq`, `-cFILE`, `-c FILE`), read by the
// same rules, refused in the same words. Each flag is one row. Flags of ours begin with `--`.

/** What the flags ask for. */
export interface Flags {
  help: boolean;
  version: boolean;
  buildInfo: boolean;
  test: boolean;
  /** With `test`: look at more than a start does. */
  deep: boolean;
  /** With `deep`: look no name up. */
  offline: boolean;
  dump: boolean;
  /** With `dump`: without secrets. */
  redact: boolean;
  quiet: boolean;
  signal: string | null;
  prefix: string | null;
  errorLog: string | null;
  file: string | null;
  prelude: string | null;
  /** Stay in the foreground whatever `daemon` says. */
  foreground: boolean;
  /** Internal: this process was started to be the daemon. */
  daemonChild: boolean;
}

/** The flags, or why they cannot be read, in nginx's words. */
export type ParsedArguments =
  | { readonly flags: Flags; readonly problem: null }
  | { readonly flags: null; readonly problem: string };

interface FlagRow {
  readonly letters: string;
  /** What is missing where nothing follows; null for a flag without a value. */
  readonly requires: string | null;
  readonly apply: (flags: Flags, value: string) => void;
}

const rows: readonly FlagRow[] = [
  { letters: '?h', requires: null, apply: (flags) => (flags.help = true) },
  { letters: 'v', requires: null, apply: (flags) => (flags.version = true) },
  { letters: 'V', requires: null, apply: (flags) => (flags.buildInfo = true) },
  { letters: 't', requires: null, apply: (flags) => (flags.test = true) },
  {
    letters: 'T',
    requires: null,
    apply: (flags) => {
      flags.test = true;
      flags.dump = true;
    },
  },
  { letters: 'q', requires: null, apply: (flags) => (flags.quiet = true) },
  { letters: 's', requires: 'parameter', apply: (flags, value) => (flags.signal = value) },
  { letters: 'p', requires: 'directory name', apply: (flags, value) => (flags.prefix = value) },
  { letters: 'e', requires: 'file name', apply: (flags, value) => (flags.errorLog = value) },
  { letters: 'c', requires: 'file name', apply: (flags, value) => (flags.file = value) },
  { letters: 'g', requires: 'parameter', apply: (flags, value) => (flags.prelude = value) },
];

const longRows: readonly { readonly name: string; readonly apply: (flags: Flags) => void }[] = [
  { name: '--help', apply: (flags) => (flags.help = true) },
  { name: '--version', apply: (flags) => (flags.version = true) },
  {
    name: '--deep',
    apply: (flags) => {
      flags.test = true;
      flags.deep = true;
    },
  },
  { name: '--offline', apply: (flags) => (flags.offline = true) },
  {
    name: '--redact',
    apply: (flags) => {
      flags.test = true;
      flags.dump = true;
      flags.redact = true;
    },
  },
  { name: '--foreground', apply: (flags) => (flags.foreground = true) },
  { name: '--daemon-child', apply: (flags) => (flags.daemonChild = true) },
];

/** The words that `-s` takes. */
export const signalNames = ['stop', 'quit', 'reopen', 'reload'] as const;

/** Reads the arguments after the program's name. */
export function parseArguments(args: readonly string[]): ParsedArguments {
  const flags = noFlags();
  let index = 0;
  while (index < args.length) {
    const argument = args[index] ?? '';
    const next = args[index + 1];
    const long = longRows.find((row) => row.name === argument);
    if (long !== undefined) {
      long.apply(flags);
      index += 1;
      continue;
    }
    if (!argument.startsWith('-')) return refuse(`invalid option: "${argument}"`);
    const read = readCluster(argument, next, flags);
    if (typeof read === 'string') return refuse(read);
    index += read;
  }
  return { flags, problem: null };
}

// One argument such as `-tq` or `-cFILE`. Gives how many arguments it took, or what is wrong.
function readCluster(argument: string, next: string | undefined, flags: Flags): number | string {
  for (let at = 1; at < argument.length; at += 1) {
    const letter = argument.charAt(at);
    const row = rows.find(({ letters }) => letters.includes(letter));
    if (row === undefined) return `invalid option: "${letter}"`;
    if (row.requires === null) {
      row.apply(flags, '');
      continue;
    }
    const attached = argument.slice(at + 1);
    const value = attached === '' ? next : attached;
    if (value === undefined) return `option "-${letter}" requires ${row.requires}`;
    row.apply(flags, value);
    if (letter === 's' && !signalNames.some((name) => name === value)) {
      return `invalid option: "-s ${value}"`;
    }
    return attached === '' ? 2 : 1;
  }
  return 1;
}

function refuse(problem: string): ParsedArguments {
  return { flags: null, problem };
}

function noFlags(): Flags {
  return {
    help: false,
    version: false,
    buildInfo: false,
    test: false,
    deep: false,
    offline: false,
    dump: false,
    redact: false,
    quiet: false,
    signal: null,
    prefix: null,
    errorLog: null,
    file: null,
    prelude: null,
    foreground: false,
    daemonChild: false,
  };
}
