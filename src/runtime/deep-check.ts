// `-t --deep`: all that a start checks, and what else can be known without one: dates, chains, modes of
// files, names that are looked up later, ports, and how much of a foreign configuration applies.

import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import path from 'node:path';
import { parseHostPort } from '../base/address.ts';
import { coverageOf, type Coverage } from '../config/coverage.ts';
import { Diagnostics } from '../config/diagnostic.ts';
import type { DirectiveNode } from '../config/node.ts';
import { parseConfiguration } from '../config/parser.ts';
import { FileSources } from '../config/source.ts';
import { directiveRows } from '../modules/index.ts';
import { foreignDirectives } from '../modules/nginx-directives.ts';
import { systemLookup } from '../upstream/resolve.ts';
import { checkFiles, type FileCounts } from './deep-files.ts';
import type { DeepFinding } from './deep-finding.ts';
import { checkPorts } from './deep-ports.ts';
import { load, type LoadedConfiguration } from './load.ts';
import { locateConfiguration, type ConfigurationOptions } from './options.ts';
import { realParts } from './real-parts.ts';

export type { Coverage, CoverageNote } from '../config/coverage.ts';
export type { DeepFinding } from './deep-finding.ts';

/** How deep. */
export interface DeepOptions {
  /** Names are not looked up. Default false. */
  readonly offline?: boolean;
}

/** What was found. */
export interface DeepReport {
  /** As `loadConfig` gives it, with its own diagnostics. */
  readonly configuration: LoadedConfiguration;
  /** Beside those. */
  readonly findings: readonly DeepFinding[];
  readonly coverage: Coverage;
  readonly counts: FileCounts & { readonly names: number; readonly ports: number };
  /** Neither the load nor the findings have an error. */
  readonly ok: boolean;
}

/** Checks a configuration without starting it. Ports are opened for a moment and closed again. */
export async function deepCheck(
  options: ConfigurationOptions = {},
  { offline = false }: DeepOptions = {},
): Promise<DeepReport> {
  const asked = new Set<string>();
  const configuration = await load(options, {
    compile: realParts.compile,
    lookup: (host) => {
      asked.add(host);
      return offline ? Promise.resolve(['127.0.0.1']) : systemLookup(host);
    },
  });
  const nodes = readNodes(options);
  const later = laterNames(nodes).filter(({ host }) => !asked.has(host));
  const files = checkFiles(nodes, path.dirname(configuration.file));
  const findings = [
    ...withoutRepeats(files.findings, configuration),
    ...(offline ? [] : await checkNames(later)),
    ...checkPorts(configuration.listens, configuration.process.pid),
  ];
  return {
    configuration,
    findings,
    coverage: coverageOf(nodes, directiveRows, foreignDirectives),
    counts: {
      ...files.counts,
      names: offline ? 0 : asked.size + later.length,
      ports: configuration.listens.length,
    },
    ok: configuration.ok && !findings.some(({ severity }) => severity === 'error'),
  };
}

function readNodes(options: ConfigurationOptions): readonly DirectiveNode[] {
  const { file } = locateConfiguration(options);
  const { text, prelude } = options;
  return parseConfiguration({
    file,
    ...(text === undefined ? {} : { text }),
    ...(prelude === undefined ? {} : { prelude }),
    sources: new FileSources(),
    diagnostics: new Diagnostics(),
  }).nodes;
}

// A certificate that ends soon, or a list that is over, the load may have said already.
function withoutRepeats(
  findings: readonly DeepFinding[],
  { diagnostics }: LoadedConfiguration,
): readonly DeepFinding[] {
  const said = diagnostics.map(({ message }) => message);
  return findings.filter(({ message }) => {
    if (said.includes(message)) return false;
    const file = /^"[^"]+": /.exec(message)?.[0];
    if (file === undefined || !/ expire[sd] | has expired| not valid before /.test(message))
      return true;
    return !said.some((one) => one.startsWith(file) && /expire[sd]|not valid before/.test(one));
  });
}

interface LaterName {
  readonly host: string;
  readonly node: DirectiveNode;
}

// `server NAME resolve` is looked up while requests are served; where that fails, nobody says so
// before the first of them.
function laterNames(nodes: readonly DirectiveNode[]): readonly LaterName[] {
  const found = new Map<string, LaterName>();
  const walk = (list: readonly DirectiveNode[], inGroup: boolean): void => {
    for (const node of list) {
      const [first, ...rest] = node.args;
      const resolves = rest.some(({ text }) => text === 'resolve');
      if (inGroup && node.name === 'server' && resolves) {
        const host = parseHostPort(first?.text ?? '')?.host ?? '';
        if (host !== '' && isIP(host) === 0 && !host.includes('$')) found.set(host, { host, node });
      }
      if (node.block !== null) walk(node.block, node.name === 'upstream');
    }
  };
  walk(nodes, false);
  return [...found.values()];
}

async function checkNames(names: readonly LaterName[]): Promise<readonly DeepFinding[]> {
  const results = await Promise.all(
    names.map(async ({ host, node }): Promise<DeepFinding | null> => {
      try {
        await dns.lookup(host);
        return null;
      } catch {
        const message = `host not found in upstream "${host}": it is looked up again while requests are served`;
        return { severity: 'warning', at: node.at, message };
      }
    }),
  );
  return results.filter((one) => one !== null);
}
