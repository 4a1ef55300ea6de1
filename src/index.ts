// The public API: the only surface under semantic versioning. The command line and the tests use
// nothing else.

export { audit, failsOn, type AuditOptions, type AuditReport } from './audit/audit.ts';
export { makeBaseline, readBaseline, type Baseline } from './audit/baseline.ts';
export { reportFormats, type ReportFormat } from './audit/formats.ts';
export {
  severities as auditSeverities,
  type AuditSeverity,
  type Dialect,
  type Finding,
  type Hop,
} from './audit/model.ts';
export { readPathSource, readTextSource, type AuditSource } from './audit/sources.ts';
export { formatAddress, type Address } from './base/address.ts';
export {
  SallyportError,
  errorRows,
  type ErrorCode,
  type ErrorSource,
  type LogLevel,
  type RetryAdvice,
} from './base/errors.ts';
export { formatDiagnostic, type Diagnostic, type Severity } from './config/diagnostic.ts';
export type { Position } from './config/node.ts';
export type { HopSummary } from './modules/hop.ts';
export type { ProcessSettings } from './modules/main.ts';
export type { BoundAddress } from './runtime/listen-sockets.ts';
export type { ConfigurationFile, ListenSetting, LoadedConfiguration } from './runtime/load.ts';
export {
  locateConfiguration,
  type ConfigurationOptions,
  type ConfigurationPlace,
} from './runtime/options.ts';
export { signalByPidFile, type ControlSignal } from './runtime/pid-file.ts';
export {
  Proxy,
  createProxy,
  loadConfig,
  type ProxyEvents,
  type ProxyOptions,
} from './runtime/proxy.ts';
export type { RefusedTlsFile, SwappedTlsFile } from './runtime/refresh.ts';
export { PkiStore, type StoredCertificate, type StoreIssue } from './pki/store.ts';
export { version } from './base/version.ts';
