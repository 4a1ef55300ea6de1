// An explanation as text for people, in the order in which things happen.

import type { Position } from '../config/node.ts';
import type {
  ExplainedCandidate,
  ExplainedStep,
  ExplainedTls,
  ExplainedUpstream,
  Explanation,
} from './explain-model.ts';

/** The whole text, with a line feed at its end. */
export function explanationText(explanation: Explanation): string {
  const { request, server, steps, answer, notes } = explanation;
  const lines = [
    `${request.line}  at ${request.listen}${request.tls ? ' (TLS)' : ''}`,
    ...section('Server', [`${server.name || '""'}${place(server.at)}`, `  ${server.why}`]),
    ...section('Way', steps.flatMap(stepLines)),
    ...section('Directives in effect', directiveLines(explanation)),
    ...explanation.upstreams.flatMap((upstream) =>
      section(upstream.sub ? 'Subrequest to upstream' : 'Upstream', upstreamLines(upstream)),
    ),
    ...(explanation.file === null ? [] : section('File', [explanation.file])),
    ...section(
      explanation.upstreams.some(({ sub }) => !sub)
        ? 'Answer (if the upstream says 200 with nothing more)'
        : 'Answer',
      answer.head.length === 0 ? [`status ${answer.status}`] : answer.head,
    ),
    ...section('Access log', explanation.accessLog.map(logLine)),
    ...section('Error log', explanation.errorLog.map(logLine)),
    ...section('Notes', notes),
  ];
  return `${lines.join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function place(at: Position | null): string {
  return at === null ? '' : `  (${at.file}:${at.line})`;
}

function logLine({ target, line }: { target: string; line: string }): string {
  return `${target}: ${line}`;
}

function stepLines(step: ExplainedStep): readonly string[] {
  const sub = step.sub ? 'subrequest: ' : '';
  if (step.kind === 'location') {
    return [
      `${sub}${step.location}${place(step.at)}  for ${step.uri}`,
      ...step.candidates.map(candidateLine),
    ];
  }
  const args = step.args === '' ? '' : `?${step.args}`;
  const indent = '  '.repeat(step.depth);
  return [`${indent}${sub}${step.directive}${place(step.at)}  ${step.outcome}: ${step.uri}${args}`];
}

function candidateLine({ location, at, chosen, why }: ExplainedCandidate): string {
  return `  ${chosen ? '*' : '-'} ${location}${place(at)}: ${why}`;
}

function directiveLines({ directives }: Explanation): readonly string[] {
  const width = Math.min(60, Math.max(0, ...directives.map(({ text }) => text.length)));
  return directives.map(({ text, at, level, inherited }) => {
    const from = inherited ? `from ${level}` : 'its own';
    return `${text.padEnd(width)}  ${from}${place(at)}`;
  });
}

function upstreamLines(upstream: ExplainedUpstream): readonly string[] {
  return [
    `${upstream.origin}${place(upstream.at)}`,
    ...upstream.servers.map(({ address, host, picked }) => {
      const name = address.startsWith(host) ? '' : `  ${host}`;
      return `${picked ? '*' : '-'} ${address}${name}${picked ? '  (picked)' : ''}`;
    }),
    `> ${upstream.requestLine}`,
    ...upstream.headers.map((line) => `> ${line}`),
    ...(upstream.tls === null ? ['plain HTTP: nothing is verified'] : tlsLines(upstream.tls)),
  ];
}

function tlsLines(tls: ExplainedTls): readonly string[] {
  const { verify, name, sans, trusted, depth, pins } = tls;
  const what = sans.length > 0 ? `one of ${sans.join(', ')}` : `the name "${name ?? ''}"`;
  const checked = `${what} against ${trusted}, depth ${depth}`;
  const words = {
    on: `verified: ${checked}`,
    report: `NOT VERIFIED, only reported: ${checked}`,
    off: 'NOT VERIFIED: anybody on the way can be the upstream',
  };
  return [
    words[verify],
    ...(pins.length === 0 ? [] : [`with one of the keys ${pins.join(', ')}`]),
    `SNI ${tls.sni ?? 'none'}, ${tls.protocols.join(' ')}`,
    `client certificate: ${tls.clientCertificate ?? 'none'}`,
  ];
}
