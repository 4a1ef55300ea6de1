// Limits and timeouts towards clients, keepalive, and what responses say of the server.

import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { buffers, flag, number, offset, size, time } from '../config/value-types.ts';
import { parseMilliseconds, parseSeconds } from '../base/duration.ts';
import type { RequestHeadLimits } from '../http1/request-head.ts';
import type { ClientSettings } from '../server/location.ts';
import type { BuildContext } from './build-context.ts';
import {
  closingRows,
  keepaliveDisable,
  keepaliveMinTimeout,
  lingeringClose,
  lingeringTime,
  lingeringTimeout,
  resetTimedoutConnection,
} from './client-closing.ts';
import { inHttpServer, inHttpServerLocation } from './contexts.ts';
import type { Module } from './module.ts';
import { flagRow, timeRow } from './row-shapes.ts';
import { serverSignature, serverTokens } from './server-tokens.ts';

export const clientHeaderTimeout = directive({
  name: 'client_header_timeout',
  contexts: inHttpServer,
  args: 1,
  value: time,
  default: 60_000,
  defaultText: '60s',
  help: 'Time for a client to send a whole request head, and to finish its TLS handshake.',
  example: 'client_header_timeout 15s;',
});

export const clientHeaderBufferSize = directive({
  name: 'client_header_buffer_size',
  contexts: inHttpServer,
  args: 1,
  value: size,
  default: 1024,
  defaultText: '1k',
  help: 'A request line or field line may always be this long.',
  differs: 'memory is taken as heads arrive; the size only raises the limit of a single line',
  example: 'client_header_buffer_size 2k;',
});

export const largeClientHeaderBuffers = directive({
  name: 'large_client_header_buffers',
  contexts: inHttpServer,
  args: 2,
  value: buffers,
  default: { number: 4, size: 8192 },
  defaultText: '4 8k',
  help:
    'Number times size limits the whole request head; size limits the request line (414) and each ' +
    'field line (431).',
  differs: 'too large heads are answered 431 (RFC 6585), not 400',
  example: 'large_client_header_buffers 8 16k;',
});

export const underscoresInHeaders = directive({
  name: 'underscores_in_headers',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether request fields with "_" in their name are kept; otherwise they are left out.',
  example: 'underscores_in_headers on;',
});

export const ignoreInvalidHeaders = directive({
  name: 'ignore_invalid_headers',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether request fields with unusual names are left out, or kept.',
  differs: 'names that are no tokens (RFC 9110) are always refused',
  example: 'ignore_invalid_headers off;',
});

export const maxHeaders = directive({
  name: 'max_headers',
  contexts: inHttpServer,
  args: 1,
  value: number({ min: 1 }),
  default: 1000,
  defaultText: '1000',
  help: 'Most field lines in a request head.',
  example: 'max_headers 100;',
});

export const mergeSlashes = directive({
  name: 'merge_slashes',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help:
    'Whether adjacent slashes of a path count as one when locations are matched. The default server ' +
    'of a port decides for all, since the path is read before the Host; with TLS the one that SNI ' +
    'chose.',
  example: 'merge_slashes off;',
});

export const clientMaxBodySize = directive({
  name: 'client_max_body_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: offset,
  default: 1_048_576,
  defaultText: '1m',
  help: 'Largest request body; a larger one is answered 413. 0 switches the check off.',
  example: 'client_max_body_size 20m;',
});

export const clientBodyTimeout = timeRow({
  name: 'client_body_timeout',
  default: '60s',
  help: 'Time between two reads of a request body, after which the request fails with 408.',
  example: 'client_body_timeout 30s;',
});

export const sendTimeout = timeRow({
  name: 'send_timeout',
  default: '60s',
  help: 'Time in which a client must take some of a response, or the connection is closed.',
  example: 'send_timeout 30s;',
});

interface KeepaliveTimeout {
  readonly ms: number;
  /** Seconds for the `Keep-Alive` field. */
  readonly header: number;
}

const keepaliveValue: ValueType<KeepaliveTimeout> = {
  expects: 'a time, and perhaps another one for the Keep-Alive field',
  parse(node, help) {
    const ms = parseMilliseconds(node.args[0]?.text ?? '');
    const header = node.args[1] === undefined ? 0 : parseSeconds(node.args[1].text);
    if (ms !== null && header !== null) return { ms, header };
    help.error(
      node.args[ms === null ? 0 : 1]?.at ?? node.at,
      '"keepalive_timeout" directive invalid value',
    );
    return null;
  },
};

export const keepaliveTimeout = directive<KeepaliveTimeout>({
  name: 'keepalive_timeout',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: keepaliveValue,
  default: { ms: 75_000, header: 0 },
  defaultText: '75s',
  help: 'How long an idle client connection stays open; 0 closes after each response.',
  example: 'keepalive_timeout 65s 60s;',
});

export const keepaliveRequests = directive({
  name: 'keepalive_requests',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: 1000,
  defaultText: '1000',
  help: 'Requests over one client connection before it is closed.',
  example: 'keepalive_requests 10000;',
});

export const keepaliveTime = timeRow({
  name: 'keepalive_time',
  default: '1h',
  help: 'How long a client connection is used for new requests.',
  example: 'keepalive_time 30m;',
});

export const chunkedTransferEncoding = flagRow({
  name: 'chunked_transfer_encoding',
  default: true,
  help:
    'Whether a response of unknown length is sent chunked to HTTP/1.1 clients, or ends with the ' +
    'connection.',
  example: 'chunked_transfer_encoding off;',
});
export const absoluteRedirect = flagRow({
  name: 'absolute_redirect',
  default: true,
  help: 'Whether redirects that this server makes name scheme and host.',
  differs: 'for a request without Host they never name the address of this machine: only the path',
  example: 'absolute_redirect off;',
});
export const serverNameInRedirect = flagRow({
  name: 'server_name_in_redirect',
  default: false,
  help: 'Whether such redirects name the first server_name, or the host of the request.',
  example: 'server_name_in_redirect on;',
});
export const portInRedirect = flagRow({
  name: 'port_in_redirect',
  default: true,
  help: 'Whether such redirects name the port.',
  example: 'port_in_redirect off;',
});
export const logNotFound = flagRow({
  name: 'log_not_found',
  default: true,
  help: 'Whether files that are not found are written to the error log.',
  example: 'log_not_found off;',
});

export const tcpNodelay = flagRow({
  name: 'tcp_nodelay',
  default: true,
  help: 'Whether small segments are sent to clients at once, or gathered by the kernel.',
  example: 'tcp_nodelay on;',
});

export const msiePadding = flagRow({
  name: 'msie_padding',
  default: true,
  help: 'Whether error pages are made longer for browsers that replace short ones by their own.',
  example: 'msie_padding off;',
});

export const msieRefresh = flagRow({
  name: 'msie_refresh',
  default: false,
  help: 'Whether Internet Explorer gets a page with a refresh in place of a redirect.',
  example: 'msie_refresh on;',
});

/** Head limits of a server. */
export function headLimits(scope: Scope): RequestHeadLimits {
  const large = scope.get(largeClientHeaderBuffers);
  const lineBytes = Math.max(large.size, scope.get(clientHeaderBufferSize));
  return {
    lineBytes,
    totalBytes: Math.max(large.number * large.size, lineBytes),
    maxFields: scope.get(maxHeaders),
    underscores: scope.get(underscoresInHeaders),
    ignoreInvalid: scope.get(ignoreInvalidHeaders),
  };
}

/** Client settings of a location. */
export function clientSettings(scope: Scope, context: BuildContext): ClientSettings {
  const keepalive = scope.get(keepaliveTimeout);
  const signature = serverSignature(scope, context);
  return {
    keepaliveTimeout: keepalive.ms,
    keepaliveHeader: keepalive.header,
    keepaliveRequests: scope.get(keepaliveRequests),
    keepaliveTime: scope.get(keepaliveTime),
    keepaliveMinTimeout: scope.get(keepaliveMinTimeout),
    keepaliveDisable: scope.get(keepaliveDisable),
    sendTimeout: scope.get(sendTimeout),
    clientMaxBodySize: scope.get(clientMaxBodySize),
    clientBodyTimeout: scope.get(clientBodyTimeout),
    lingeringClose: scope.get(lingeringClose),
    lingeringTime: scope.get(lingeringTime),
    lingeringTimeout: scope.get(lingeringTimeout),
    serverToken: signature.token,
    serverTemplate: signature.template,
    chunkedTransferEncoding: scope.get(chunkedTransferEncoding),
    absoluteRedirect: scope.get(absoluteRedirect),
    serverNameInRedirect: scope.get(serverNameInRedirect),
    portInRedirect: scope.get(portInRedirect),
    logNotFound: scope.get(logNotFound),
    resetTimedOut: scope.get(resetTimedoutConnection),
    noDelay: scope.get(tcpNodelay),
    msiePadding: scope.get(msiePadding),
    msieRefresh: scope.get(msieRefresh),
  };
}

export const clientModule: Module = {
  name: 'client',
  directives: [
    clientHeaderTimeout,
    clientHeaderBufferSize,
    largeClientHeaderBuffers,
    underscoresInHeaders,
    ignoreInvalidHeaders,
    maxHeaders,
    mergeSlashes,
    clientMaxBodySize,
    clientBodyTimeout,
    sendTimeout,
    ...closingRows,
    keepaliveTimeout,
    keepaliveRequests,
    keepaliveTime,
    chunkedTransferEncoding,
    absoluteRedirect,
    serverNameInRedirect,
    portInRedirect,
    logNotFound,
    tcpNodelay,
    msiePadding,
    msieRefresh,
    serverTokens,
  ],
};
