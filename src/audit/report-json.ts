// The report for programs. Its shape is under semantic versioning and described in docs/audit.md.

import type { AuditReport } from './audit.ts';
import type { Finding, Hop } from './model.ts';

/** The report as JSON text. */
export function jsonReport(report: AuditReport): string {
  const { name, dialect, notes } = report;
  const record = {
    version: 1,
    name,
    dialect,
    hops: report.hops.map(hopRecord),
    findings: report.findings.map(findingRecord),
    notes,
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

function hopRecord(hop: Hop) {
  return {
    id: hop.id,
    file: hop.node.at.file,
    line: hop.node.at.line,
    kind: hop.kind,
    from: hop.from,
    to: hop.to,
    group: hop.group,
    servers: hop.servers.map(({ address }) => address),
    place: hop.place,
    encrypted: hop.encrypted,
    verified: hop.verdict === 'verified',
    verification: hop.verification,
    trust: hop.trust,
    name: hop.name,
    sni: hop.sni,
    clientCertificate: hop.clientCertificate,
    protocols: hop.protocols,
    verdict: hop.verdict,
    ...(hop.probe === undefined ? {} : { probe: hop.probe }),
  };
}

function findingRecord(finding: Finding) {
  return {
    rule: finding.rule,
    severity: finding.severity,
    file: finding.node.at.file,
    line: finding.node.at.line,
    column: finding.node.at.column,
    message: finding.message,
    fix: finding.fix ?? null,
    hop: finding.hop?.id ?? null,
    suppressed: finding.suppressed,
  };
}
