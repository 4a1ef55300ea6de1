// What directives without effect may say all the same: a mistake in one of them is a mistake in
// nginx too, and is reported in its words.

import type { DirectiveRow, ValueType } from '../config/row.ts';
import {
  buffers,
  choice,
  custom,
  flag,
  number,
  offset,
  singleValue,
  size,
  text,
  time,
} from '../config/value-types.ts';

const eventTypes = ['epoll', 'poll', 'select', 'kqueue', 'eventport', '/dev/poll'];

const eventType = singleValue<string>(
  'epoll, poll or another way to wait for events',
  (given) => (eventTypes.includes(given) ? given : null),
  (_, given) => `invalid event type "${given}"`,
);

const aio = singleValue<string>('on, off or threads', (given) =>
  /^(on|off|threads(=.+)?)$/.test(given) ? given : null,
);

const directio = singleValue<string>('off or a size', (given) => {
  const digits = /^(off|\d+[kmg]?)$/i.test(given);
  return digits ? given : null;
});

const threadPool: ValueType<true> = custom('a name, threads= and max_queue=', (node, help) => {
  let threads = false;
  for (const { text: given, at } of node.args.slice(1)) {
    const [, key, digits] = /^(threads|max_queue)=(.*)$/.exec(given) ?? [];
    if (key === undefined) continue;
    if (digits === undefined || !/^\d+$/.test(digits) || Number(digits) === 0) {
      const what = key === 'threads' ? 'threads' : 'max_queue';
      help.error(at, `invalid ${what} value "${digits ?? ''}"`);
      return null;
    }
    threads ||= key === 'threads';
  }
  if (threads) return true;
  help.error(node.at, `"${node.name}" must have "threads" parameter`);
  return null;
});

/** By name; those that are not here take anything. */
const types: Readonly<Record<string, ValueType<unknown>>> = {
  lock_file: text,
  timer_resolution: time,
  debug_points: choice(['stop', 'abort']),
  pcre_jit: flag,
  ssl_object_cache_inheritable: flag,
  use: eventType,
  epoll_events: number(),
  worker_aio_requests: number(),
  multi_accept: flag,
  accept_mutex: flag,
  accept_mutex_delay: time,
  connection_pool_size: size,
  request_pool_size: size,
  http2_pool_size: size,
  http2_streams_index_size: number(),
  map_hash_max_size: number(),
  map_hash_bucket_size: number(),
  server_names_hash_max_size: number(),
  server_names_hash_bucket_size: number(),
  variables_hash_max_size: number(),
  variables_hash_bucket_size: number(),
  proxy_headers_hash_max_size: number(),
  proxy_headers_hash_bucket_size: number(),
  types_hash_max_size: number(),
  types_hash_bucket_size: number(),
  referer_hash_max_size: number(),
  referer_hash_bucket_size: number(),
  sendfile: flag,
  sendfile_max_chunk: size,
  tcp_nopush: flag,
  aio,
  aio_write: flag,
  directio,
  directio_alignment: offset,
  read_ahead: size,
  output_buffers: buffers,
  gzip_buffers: buffers,
  gunzip_buffers: buffers,
  gzip_window: size,
  gzip_hash: size,
  postpone_gzipping: size,
  gzip_no_buffer: flag,
  open_file_cache_events: flag,
  postpone_output: size,
  send_lowat: size,
  proxy_send_lowat: size,
  tunnel_send_lowat: size,
  proxy_temp_file_write_size: size,
  proxy_max_temp_file_size: size,
  proxy_busy_buffers_size: size,
  proxy_socket_rcvbuf: size,
  tunnel_socket_rcvbuf: size,
  tunnel_socket_sndbuf: size,
  proxy_socket_sndbuf: size,
  client_body_in_single_buffer: flag,
  subrequest_output_buffer_size: size,
};

/** The row with the type of its value, and as one that may stand once, where these are known. */
export function withValueType(row: DirectiveRow): DirectiveRow {
  if (row.name === 'thread_pool') return { ...row, value: threadPool };
  const value = types[row.name];
  return value === undefined ? row : { ...row, value, kind: 'single', repeats: false };
}
