// Answers with an open file: preconditions first, then the header filters, then the whole of it or
// the parts that were asked for.

import { randomInt } from 'node:crypto';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { parseDate } from '../http1/date.ts';
import { contentRange, maxRanges, readRanges, type ByteRange } from './byte-ranges.ts';
import { FileResponse, lengthOf, type FilePart } from './file-response.ts';
import type { OpenedFile } from './opened-file.ts';
import {
  checkPreconditions,
  etag,
  ifModifiedSince,
  type IfModifiedSince,
} from './preconditions.ts';

/** How files of a location are sent. */
export interface FileSettings {
  readonly etag: boolean;
  readonly ifModifiedSince: IfModifiedSince;
  readonly maxRanges: number | null;
  /** Are files sent as they are, so that parts of them make no sense to the client? */
  readonly whole: boolean;
}

export function fileSettings(scope: Scope): FileSettings {
  return {
    etag: scope.get(etag),
    ifModifiedSince: scope.get(ifModifiedSince),
    maxRanges: scope.get(maxRanges),
    whole: false,
  };
}

/**
 * Sends a file and closes it; `x.contentType` and fields of the caller's own are set already.
 *
 * @returns as a handler: HANDLED or a status
 */
export function sendFile(x: Exchange, open: OpenedFile, settings: FileSettings): number {
  const { stat } = open;
  const modified = Math.floor(stat.mtimeMs / 1000);
  const tag = settings.etag ? `"${modified.toString(16)}-${stat.size.toString(16)}"` : null;
  x.status = x.fixedStatus === 0 ? 200 : x.fixedStatus;
  x.contentLength = stat.size;
  if (x.status === 200 && x.parent === null) {
    const mode = settings.ifModifiedSince;
    const verdict = checkPreconditions(x, { etag: tag, modified, mode });
    if (verdict === 412) {
      open.close();
      return 412;
    }
    if (verdict === 304) x.status = 304;
  }
  if (x.status === 200 || x.status === 304) {
    x.fields.add('Last-Modified', new Date(modified * 1000).toUTCString());
  }
  if (tag !== null) x.fields.add('ETag', tag);
  if (x.status === 304) return sendNotModified(x, open);
  x.allowRanges = x.status === 200 && !settings.whole;
  x.client.filterHead(x);
  const parts = partsOf(x, stat.size, settings, { tag, modified });
  if (parts === null) {
    open.close();
    return refuseRanges(x, stat.size);
  }
  new FileResponse(x, open, parts).start();
  return HANDLED;
}

function sendNotModified(x: Exchange, open: OpenedFile): number {
  open.close();
  x.contentType = null;
  x.contentLength = -1;
  x.client.sendHead(x, null, true);
  return HANDLED;
}

// Null: nothing of what was asked for is there.
function partsOf(
  x: Exchange,
  size: number,
  settings: FileSettings,
  validators: { readonly tag: string | null; readonly modified: number },
): readonly FilePart[] | null {
  const all = [{ start: 0, end: size }];
  if (!x.allowRanges || settings.maxRanges === 0) return all;
  const field = x.request.fields.get('range');
  if (field === null || x.filters !== null || !rangeMayBeUsed(x, validators)) {
    x.fields.add('Accept-Ranges', 'bytes');
    return all;
  }
  const ranges = readRanges(field, size, settings.maxRanges);
  if (ranges.kind === 'unsatisfiable') return null;
  const [only] = ranges.kind === 'parts' ? ranges.parts : [];
  if (ranges.kind === 'whole' || only === undefined) {
    x.fields.add('Accept-Ranges', 'bytes');
    return all;
  }
  x.status = 206;
  if (ranges.parts.length > 1) return multipart(x, ranges.parts, size);
  x.fields.add('Content-Range', contentRange(only, size));
  x.contentLength = only.end - only.start;
  return [only];
}

// If-Range: the parts are of use only if the client has the rest of the very same thing.
function rangeMayBeUsed(
  x: Exchange,
  { tag, modified }: { readonly tag: string | null; readonly modified: number },
): boolean {
  const condition = x.request.fields.get('if-range');
  if (condition === null) return true;
  if (condition.endsWith('"')) return condition === tag;
  return parseDate(condition) === modified;
}

function multipart(x: Exchange, ranges: readonly ByteRange[], size: number): readonly FilePart[] {
  const boundary = String(randomInt(1, 1e14)).padStart(20, '0');
  const type = x.contentType === null ? '' : `Content-Type: ${x.contentType}\r\n`;
  const parts = ranges.flatMap((range): FilePart[] => [
    `\r\n--${boundary}\r\n${type}Content-Range: ${contentRange(range, size)}\r\n\r\n`,
    range,
  ]);
  parts.push(`\r\n--${boundary}--\r\n`);
  x.contentType = `multipart/byteranges; boundary=${boundary}`;
  x.contentLength = lengthOf(parts);
  return parts;
}

function refuseRanges(x: Exchange, size: number): number {
  x.resetResponse();
  x.fields.add('Content-Range', `bytes */${size}`);
  return 416;
}
