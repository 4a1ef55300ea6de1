// `sallyport explain`: what happens to one request, and why.

import { parseArgs } from 'node:util';
import {
  Explainer,
  explanationText,
  locateConfiguration,
  SallyportError,
  type ExplainedRequest,
  type Explanation,
} from '../index.ts';
import { printDiagnostics, printingFailure, printResult } from './terminal.ts';

const usage = `Usage: sallyport explain [options] URL

Says what happens to a request, without sending anything to an upstream server: which server and
location take it and why, what rewrites it, which directives are in effect and where they stand, what
goes out to which upstream server, as whom that server is verified, and what is logged.

  -c FILE               : the configuration file (default as of "sallyport -c")
  -p PREFIX             : the prefix path
  --method METHOD       : default GET
  --header 'NAME: VALUE': may be repeated; Host takes the place of the URL's
  --client-cert WHAT    : absent (default), present, or the subject of a valid one: "CN=alice"
  --client-addr ADDRESS : where the client comes from (default 127.0.0.1)
  --json                : for programs

Exit codes: 0 explained, 1 the configuration has errors, 2 the request is none.
`;

/** Explains a request. @returns the exit code */
export function runExplain(args: readonly string[]): Promise<number> {
  return printingFailure(2, () => run(args));
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [url, ...others] = positionals;
  if (values.help) {
    printResult(usage);
    return 0;
  }
  if (url === undefined || others.length > 0) {
    throw new SallyportError('CONFIG_INVALID', 'give one URL: sallyport explain [options] URL');
  }
  const place = locateConfiguration({
    ...(values.c === undefined ? {} : { file: values.c }),
    ...(values.p === undefined ? {} : { prefix: values.p }),
  });
  const { explainer, diagnostics } = await Explainer.load(place);
  if (explainer === null) {
    printDiagnostics({ diagnostics });
    return 1;
  }
  try {
    const explanation = await explainer.explain(requestOf(url, values));
    printResult(values.json ? asJson(explanation) : explanationText(explanation));
    return 0;
  } finally {
    explainer.dispose();
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      c: { type: 'string', short: 'c' },
      p: { type: 'string', short: 'p' },
      method: text,
      header: { type: 'string', multiple: true },
      'client-cert': text,
      'client-addr': text,
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
}

function requestOf(url: string, values: ReturnType<typeof parse>['values']): ExplainedRequest {
  return {
    url,
    ...(values.method === undefined ? {} : { method: values.method }),
    ...(values.header === undefined ? {} : { headers: values.header }),
    ...(values['client-cert'] === undefined ? {} : { clientCertificate: values['client-cert'] }),
    ...(values['client-addr'] === undefined ? {} : { clientAddress: values['client-addr'] }),
  };
}

function asJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, null, 2)}\n`;
}
