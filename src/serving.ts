// The part of the public API that every start needs. The command line's ordinary way takes it from
// here, so that no start loads the audit, the self-test or what makes certificates; `index.ts` has
// the whole.

export { redact } from './audit/redact.ts';
export {
  SallyportError,
  errorRows,
  type ErrorCode,
  type ErrorSource,
  type LogLevel,
  type RetryAdvice,
} from './base/errors.ts';
export { version } from './base/version.ts';
export { formatDiagnostic, type Diagnostic, type Severity } from './config/diagnostic.ts';
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
export type { ProgramCommand } from './runtime/successor.ts';
