// Which stage of a request a function belongs to: rows of patterns, the first that fits counts. Pure.

/** One function in a profile. */
export interface Site {
  /** Its name as the profile has it. */
  readonly symbol: string;
  /** The file it was compiled from, for JavaScript; else the library or "[kernel]". */
  readonly place: string;
}

interface Stage {
  readonly name: string;
  readonly place?: RegExp;
  readonly symbol?: RegExp;
}

const stages: readonly Stage[] = [
  // What runs below JavaScript.
  { name: 'kernel', place: /\[kernel|\[guest\.kernel|\[vdso\]/ },
  {
    name: 'garbage collection',
    symbol:
      /Scaveng|MarkCompact|Marking|Sweep|Evacuat|GCTracer|v8::internal::(?:\(anonymous namespace\)::)?Heap|\(garbage collector\)|Mutator|ConcurrentMark|YoungGeneration|EphemeronRemembered/,
  },
  { name: 'write barriers (V8)', symbol: /RecordWrite/ },
  {
    name: 'socket writes (native)',
    place: /^$/,
    symbol: /^(?:write\w+String|writeBuffer|writev)$/,
  },
  { name: 'native functions', place: /^$/ },
  {
    name: 'compiler',
    symbol:
      /compiler::|Maglev|maglev|Turbofan|turboshaft|Sparkplug|baseline::|Parser|interpreter::Byte/,
  },
  {
    name: 'OpenSSL',
    symbol:
      /^(?:SSL|ssl|tls|EVP|evp|OPENSSL|ossl|OSSL|BIO|aes|gcm|sha\d|ecp|ec_|EC_|BN_|bn_|CRYPTO|ERR_|rand_|RAND|drbg|x509|X509|asn1|ASN1|dtls|WPACKET|PACKET|poly1305|chacha|x25519|fe_|ge_|p256)_?|_(?:avx|aesni|shaext|x86_64|vaes|ifma)\w*$/,
  },
  // Ours, in the order of a request.
  { name: 'TLS', place: /\/(?:src|dist)\/tls\/|node:_tls|node:tls|internal\/tls/ },
  { name: 'TLS', symbol: /node::crypto::/ },
  {
    name: 'head reading',
    place: /\/(?:src|dist)\/(?:http1\/|server\/(?:client-reader|client-connection))/,
  },
  {
    name: 'routing',
    place:
      /\/(?:src|dist)\/server\/(?:router|location|server-names|phases|uri|virtual-server|connection-host|engine)/,
  },
  {
    name: 'upstream head',
    place: /\/(?:src|dist)\/forward\/(?:upstream-head|request-sender|passed-fields|body-reading)/,
  },
  { name: 'upstream connection', place: /\/(?:src|dist)\/upstream\// },
  { name: 'response', place: /\/(?:src|dist)\/(?:forward\/response|server\/response)/ },
  {
    name: 'log',
    place: /\/(?:src|dist)\/(?:log\/|modules\/(?:access-log|log-|open-log)|server\/request-log)/,
  },
  { name: 'timers', place: /\/(?:src|dist)\/base\/(?:coarse-timer|clock|steady-clock)/ },
  { name: 'proxying, other', place: /\/(?:src|dist)\/forward\// },
  { name: 'modules and variables', place: /\/(?:src|dist)\/(?:modules|exchange)\// },
  { name: 'server, other', place: /\/(?:src|dist)\// },
  {
    name: "Node's sockets and streams",
    place: /node:(?:net|stream|events|internal\/(?:stream|streams|net|async_hooks|js_stream))/,
  },
  {
    name: "Node's sockets and streams",
    symbol:
      /node::(?:StreamBase|LibuvStream|StreamListener|StreamResource|WriteWrap|TCPWrap|Async|MakeCallback|InternalCallbackScope|ReportWrites)|^uv_|^uv__/,
  },
  { name: 'other JavaScript of Node', place: /node:/ },
  { name: 'V8: built-ins', symbol: /^Builtins_/ },
  { name: 'V8 and Node, native', place: /\/node$/ },
  {
    name: 'memory (libc)',
    symbol: /^(?:malloc|_int_|free|cfree|calloc|realloc|memcpy|memmove|memset|__mem)/,
  },
  { name: 'libc, other', place: /\/libc[.-]/ },
];

/** The stage of a function; "other" where none fits. */
export function stageOf({ symbol, place }: Site): string {
  const stage = stages.find(
    (row) =>
      (row.place === undefined || row.place.test(place)) &&
      (row.symbol === undefined || row.symbol.test(symbol)),
  );
  return stage?.name ?? 'other';
}

/** A function and its share of all samples. */
export interface Hot extends Site {
  readonly samples: number;
}

/** Samples by stage, most first. */
export function samplesByStage(sites: readonly Hot[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const site of sites) {
    const stage = stageOf(site);
    sums.set(stage, (sums.get(stage) ?? 0) + site.samples);
  }
  return [...sums].sort((a, b) => b[1] - a[1]);
}
