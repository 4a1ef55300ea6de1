// The public API: the only surface under semantic versioning. The command line and the tests use
// nothing else.

export { audit, failsOn, type AuditOptions, type AuditReport } from './audit/audit.ts';
export { makeBaseline, readBaseline, type Baseline } from './audit/baseline.ts';
export { Explainer, type ExplainPlace } from './audit/explain.ts';
export type {
  ExplainedCandidate,
  ExplainedDirective,
  ExplainedRequest,
  ExplainedServer,
  ExplainedStep,
  ExplainedTls,
  ExplainedUpstream,
  Explanation,
} from './audit/explain-model.ts';
export { explanationText } from './audit/explain-text.ts';
export { fixFindings, type FixedFile, type Fixes, type LeftFinding } from './audit/fix.ts';
export { unifiedDiff, writeFixedFiles } from './audit/fix-files.ts';
export { reportFormats, type ReportFormat } from './audit/formats.ts';
export {
  severities as auditSeverities,
  type AuditSeverity,
  type Dialect,
  type Finding,
  type Hop,
} from './audit/model.ts';
export { probe, type ProbeOptions } from './audit/probe.ts';
export { saveIssuers, type SavedIssuers } from './audit/probe-save.ts';
export type {
  ProbeAdvice,
  ProbeCertificate,
  ProbeName,
  ProbeVerdict,
  ServerProbe,
  TrustResult,
} from './audit/probe-model.ts';
export { readPathSource, readTextSource, type AuditSource } from './audit/sources.ts';
export { formatAddress, type Address } from './base/address.ts';
export type { Position } from './config/node.ts';
export type { HopSummary } from './modules/hop.ts';
export type { ProcessSettings } from './modules/main.ts';
export {
  deepCheck,
  type Coverage,
  type CoverageNote,
  type DeepFinding,
  type DeepOptions,
  type DeepReport,
} from './runtime/deep-check.ts';
export {
  impostorKinds,
  selfTest,
  type ImpostorKind,
  type ImpostorOutcome,
  type SelfTestReport,
  type SelfTestRow,
} from './runtime/selftest.ts';
export { PkiStore, type StoredCertificate, type StoreIssue } from './pki/store.ts';
export * from './serving.ts';
