// The formats of a report, by the names that `--format` takes.

import type { AuditReport } from './audit.ts';
import { htmlReport } from './report-html.ts';
import { jsonReport } from './report-json.ts';
import { markdownReport } from './report-markdown.ts';
import { sarifReport } from './report-sarif.ts';
import { textReport, type TextOptions } from './report-text.ts';

/** How reports are shown. */
export type ReportFormat = 'text' | 'json' | 'sarif' | 'html' | 'markdown';

/** One function for each; options are for those that are read in a terminal. */
export const reportFormats: Readonly<
  Record<ReportFormat, (report: AuditReport, options: TextOptions) => string>
> = {
  text: textReport,
  json: jsonReport,
  sarif: sarifReport,
  html: htmlReport,
  markdown: markdownReport,
};
