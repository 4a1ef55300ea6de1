// Where bodies wait that memory is too small for: request bodies before they are sent, and responses
// that a client takes more slowly than the upstream server sends them.

import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, offset, size } from '../config/value-types.ts';
import type { OverflowSettings } from '../forward/proxy-settings.ts';
import type { BodyStorage } from '../forward/request-spool.ts';
import type { TempFolder } from '../forward/temp-file.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { proxyBuffers, proxyBufferSize } from './proxy-rows.ts';
import { tempFolder } from './temp-folder.ts';

const unlinked =
  'the files have no name any more as soon as they are open, so that none is ever left behind';

export const clientBodyBufferSize = directive({
  name: 'client_body_buffer_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: size,
  default: 16_384,
  defaultText: '16k',
  help: 'Request bodies up to this size are kept in memory, larger ones in a temporary file.',
  example: 'client_body_buffer_size 128k;',
});

export const clientBodyTempPath = directive<TempFolder | null>({
  name: 'client_body_temp_path',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 4 },
  value: tempFolder,
  default: null,
  defaultText: 'client_body_temp',
  help:
    'Folder of temporary files for request bodies, with up to three levels of subfolders. What is ' +
    'missing is made.',
  differs: unlinked,
  example: 'client_body_temp_path /var/cache/sallyport/bodies 1 2;',
});

export const clientBodyInFileOnly = directive<'off' | 'on' | 'clean'>({
  name: 'client_body_in_file_only',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['off', 'on', 'clean'] as const),
  default: 'off',
  defaultText: 'off',
  help:
    'Whether every request body goes into a file whose name $request_body_file gives: "clean" ' +
    'removes it after the request, "on" leaves it.',
  example: 'client_body_in_file_only clean;',
});

export const proxyTempPath = directive<TempFolder | null>({
  name: 'proxy_temp_path',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 4 },
  value: tempFolder,
  default: null,
  defaultText: 'proxy_temp',
  help:
    'Folder of temporary files for responses, with up to three levels of subfolders. What is ' +
    'missing is made.',
  differs: unlinked,
  example: 'proxy_temp_path /var/cache/sallyport/responses 1 2;',
});

export const proxyMaxTempFileSize = directive({
  name: 'proxy_max_temp_file_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: offset,
  default: 1_073_741_824,
  defaultText: '1024m',
  help:
    'How much of a response may wait in a temporary file for a slow client; 0: none. Beyond it the ' +
    'upstream server waits for the client.',
  example: 'proxy_max_temp_file_size 0;',
});

export const proxyTempFileWriteSize = directive<number | null>({
  name: 'proxy_temp_file_write_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: size,
  default: null,
  defaultText: '8k',
  help: 'How much is written to a temporary file at once. Default: twice proxy_buffer_size.',
  differs: 'at least one read of the upstream connection is written at once',
  example: 'proxy_temp_file_write_size 64k;',
});

export const proxyBusyBuffersSize = directive<number | null>({
  name: 'proxy_busy_buffers_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: size,
  default: null,
  defaultText: '8k',
  help:
    'How much of what waits in a temporary file may be on its way to the client. Default: twice ' +
    'proxy_buffer_size.',
  example: 'proxy_busy_buffers_size 16k;',
});

const overflowRows = [proxyMaxTempFileSize, proxyTempFileWriteSize, proxyBusyBuffersSize] as const;

/** All rows of this file. */
export const proxyTempRows = [
  clientBodyBufferSize,
  clientBodyTempPath,
  clientBodyInFileOnly,
  proxyTempPath,
  ...overflowRows,
] as const;

export function bodyStorage(scope: Scope, context: BuildContext): BodyStorage {
  return {
    memoryLimit: scope.get(clientBodyBufferSize),
    folder: noted(scope.get(clientBodyTempPath), 'client_body_temp', context),
    inFileOnly: scope.get(clientBodyInFileOnly),
  };
}

export function overflowSettings(scope: Scope, context: BuildContext): OverflowSettings {
  const usual = 2 * oneBuffer(scope);
  return {
    folder: responseFolder(scope, context),
    maxBytes: scope.get(proxyMaxTempFileSize),
    writeBytes: scope.get(proxyTempFileWriteSize) ?? usual,
    busyBytes: scope.get(proxyBusyBuffersSize) ?? usual,
  };
}

/** Where temporary files of responses are made. */
export function responseFolder(scope: Scope, context: BuildContext): TempFolder {
  return noted(scope.get(proxyTempPath), 'proxy_temp', context);
}

function noted(given: TempFolder | null, name: string, context: BuildContext): TempFolder {
  const folder = given ?? { path: `${context.prefix}${name}`, levels: [] };
  context.tempFolders.add(folder.path);
  return folder;
}

function oneBuffer(scope: Scope): number {
  return Math.max(scope.get(proxyBufferSize), scope.get(proxyBuffers).size);
}

const largestBuffer =
  'the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"';

/** The sizes of one level must fit each other, as in nginx. */
export function checkBufferSizes(scope: Scope, context: BuildContext): void {
  const given = [proxyBuffers, proxyBufferSize, ...overflowRows];
  const at = given.map((row) => scope.at(row)).find((place) => place !== null) ?? null;
  // Nothing is given: the defaults fit.
  if (at === null) return;
  const { number, size: each } = scope.get(proxyBuffers);
  const least = oneBuffer(scope);
  const busy = scope.get(proxyBusyBuffersSize) ?? 2 * least;
  const problem = (row: (typeof given)[number], message: string): void => {
    context.reportOnce('error', scope.at(row) ?? at, message);
  };
  if (number < 2) {
    problem(proxyBuffers, 'there must be at least 2 "proxy_buffers"');
    return;
  }
  if (busy < least) {
    problem(
      proxyBusyBuffersSize,
      `"proxy_busy_buffers_size" must be equal to or greater than ${largestBuffer}`,
    );
  } else if (busy > (number - 1) * each) {
    problem(
      proxyBusyBuffersSize,
      '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer',
    );
  }
  if ((scope.get(proxyTempFileWriteSize) ?? least) < least) {
    problem(
      proxyTempFileWriteSize,
      `"proxy_temp_file_write_size" must be equal to or greater than ${largestBuffer}`,
    );
  }
  const limit = scope.get(proxyMaxTempFileSize);
  if (limit !== 0 && limit < least) {
    problem(
      proxyMaxTempFileSize,
      '"proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must ' +
        `be equal to or greater than ${largestBuffer}`,
    );
  }
}
