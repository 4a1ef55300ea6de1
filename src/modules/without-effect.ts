// Directives of nginx that make no difference here: they tune how nginx's own processes wait, copy
// and allocate, and change nothing that clients, upstream servers or operators see. Each is accepted
// with its reason, so that a configuration moves over as it is. What could be missed by anybody - a
// timeout, a limit, a log line - does not belong here.

import { withoutEffect, type Arity, type Context, type DirectiveRow } from '../config/row.ts';
import { custom } from '../config/value-types.ts';
import { withValueType } from './without-effect-values.ts';

const everywhere: readonly Context[] = ['http', 'server', 'location'];

function group(
  reason: string,
  contexts: readonly Context[],
  names: Readonly<Record<string, number | Arity>>,
): readonly DirectiveRow[] {
  return Object.entries(names).map(([name, args]) => withoutEffect(name, contexts, args, reason));
}

const processes = [
  ...group('Workers are threads that accept by themselves: there is no lock file.', ['main'], {
    lock_file: 1,
  }),
  ...group('Times are kept by the event loop of Node.js.', ['main'], { timer_resolution: 1 }),
  ...group("It stops nginx's own processes for a debugger.", ['main'], { debug_points: 1 }),
  ...group('JavaScript expressions are compiled by V8 in its own way.', ['main'], { pcre_jit: 1 }),
  ...group('Files are read in the thread pool of Node.js, which has no name.', ['main'], {
    thread_pool: { min: 2, max: 3 },
  }),
  ...group('Every reload reads certificates, keys and CRLs anew.', ['main'], {
    ssl_object_cache_inheritable: 1,
  }),
];

const onlyAutomatic = 'The kernel places worker threads; Node.js has no way to pin them.';

// A mask keeps nginx off some processors: that would be missed, so only `auto` is accepted.
const affinity: DirectiveRow = {
  ...withoutEffect('worker_cpu_affinity', ['main'], { min: 1, max: Infinity }, onlyAutomatic),
  value: custom('"auto" alone', (node, help) => {
    const [first] = node.args;
    if (first?.text === 'auto' && node.args.length === 1) return true;
    const wrong = node.args.find(
      (argument, i) => !(i === 0 ? /^(auto|[01]+)$/ : /^[01]+$/).test(argument.text),
    );
    if (wrong !== undefined) {
      const character = /[^01]/.exec(wrong.text)?.[0] ?? '';
      help.error(wrong.at, `invalid character "${character}" in "worker_cpu_affinity"`);
      return null;
    }
    const hint = 'worker threads cannot be pinned: write "auto", or start the process with taskset';
    help.error(first?.at ?? node.at, '"worker_cpu_affinity" with a mask is not supported', hint);
    return null;
  }),
};

const compression = [
  ...group('Memory is allotted by zlib itself in Node.js.', everywhere, {
    gzip_buffers: 2,
    gunzip_buffers: 2,
    gzip_window: 1,
    gzip_hash: 1,
    postpone_gzipping: 1,
    gzip_no_buffer: 1,
  }),
];

const events = [
  ...group('Node.js chooses how to wait for events.', ['events'], {
    use: 1,
    epoll_events: 1,
    worker_aio_requests: 1,
  }),
  ...group('Each worker has its own listening socket and accepts all that wait.', ['events'], {
    multi_accept: 1,
    accept_mutex: 1,
    accept_mutex_delay: 1,
  }),
];

const memory = [
  ...group('Memory is managed by V8: there are no pools.', ['http', 'server'], {
    connection_pool_size: 1,
    request_pool_size: 1,
    http2_pool_size: 1,
    http2_streams_index_size: 1,
  }),
  ...group('Hash tables grow by themselves.', ['http'], {
    map_hash_max_size: 1,
    map_hash_bucket_size: 1,
    server_names_hash_max_size: 1,
    server_names_hash_bucket_size: 1,
    variables_hash_max_size: 1,
    variables_hash_bucket_size: 1,
  }),
  ...group('Hash tables grow by themselves.', everywhere, {
    proxy_headers_hash_max_size: 1,
    proxy_headers_hash_bucket_size: 1,
    types_hash_max_size: 1,
    types_hash_bucket_size: 1,
  }),
  ...group('Hash tables grow by themselves.', ['server', 'location'], {
    referer_hash_max_size: 1,
    referer_hash_bucket_size: 1,
  }),
];

const files = [
  ...group(
    'Files are read through buffers of Node.js, never sent by the kernel alone.',
    ['http', 'server', 'location', 'if-in-location'],
    { sendfile: 1 },
  ),
  ...group(
    'Files are read through buffers of Node.js, never sent by the kernel alone.',
    everywhere,
    {
      sendfile_max_chunk: 1,
      tcp_nopush: 1,
    },
  ),
  ...group('Files are read in pieces of one size by the worker itself.', everywhere, {
    aio: 1,
    aio_write: 1,
    directio: 1,
    directio_alignment: 1,
    read_ahead: 1,
    output_buffers: 2,
  }),
  ...group(
    'Nobody is told by the kernel: files are looked at anew after open_file_cache_valid.',
    everywhere,
    { open_file_cache_events: 1 },
  ),
];

const sockets = [
  ...group(
    'Head and first part of the body leave in one write; the rest as it comes.',
    everywhere,
    {
      postpone_output: 1,
    },
  ),
  ...group(
    'No answer of a subrequest is kept in memory: in nginx it is done for server-side includes.',
    everywhere,
    { subrequest_output_buffer_size: 1 },
  ),
  ...group('It has no effect in nginx either, but on FreeBSD.', everywhere, {
    send_lowat: 1,
    proxy_send_lowat: 1,
    tunnel_send_lowat: 1,
  }),
];

const bodies = group('The value of $request_body is made only where it is asked for.', everywhere, {
  client_body_in_single_buffer: 1,
});

const kernelBuffers = group(
  'Node.js cannot set the size of kernel buffers of a TCP socket: the kernel finds it by itself.',
  everywhere,
  {
    proxy_socket_rcvbuf: 1,
    proxy_socket_sndbuf: 1,
    tunnel_socket_rcvbuf: 1,
    tunnel_socket_sndbuf: 1,
  },
);

const otherProtocols = group(
  'Its protocol is not implemented, so nothing is ever stored there.',
  everywhere,
  {
    fastcgi_temp_path: { min: 1, max: 4 },
    scgi_temp_path: { min: 1, max: 4 },
    uwsgi_temp_path: { min: 1, max: 4 },
  },
);

/** All directives that are accepted without effect. */
export const withoutEffectRows: readonly DirectiveRow[] = typed([
  ...processes,
  affinity,
  ...compression,
  ...events,
  ...memory,
  ...files,
  ...sockets,
  ...bodies,
  ...kernelBuffers,
  ...otherProtocols,
]);

function typed(rows: readonly DirectiveRow[]): readonly DirectiveRow[] {
  return rows.map(withValueType);
}
