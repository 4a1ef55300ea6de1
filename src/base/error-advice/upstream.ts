// Advice on what upstream servers do wrong, TLS apart.

import type { ErrorAdvice } from '../error-row.ts';

const connect = {
  look:
    'Connect from this machine. `CONNECTED`: somebody listens. `errno=111`: nobody does. Nothing ' +
    'at all: a firewall drops the packets, or there is no machine.',
  run: 'timeout 5 openssl s_client -connect "$ADDRESS" </dev/null 2>&1 | grep -E \'CONNECTED|errno\'',
};

const ask = {
  look: 'Ask the server itself, without the proxy, and see how long it takes.',
  run: [
    'curl -sS -i -o /dev/null -w "%{http_code} %{time_starttransfer} %{time_total}\\n" \\',
    '  --cacert "$CA" --connect-to "::$ADDRESS" "https://$NAME/"',
  ].join('\n'),
};

export const upstreamAdvice = {
  UPSTREAM_NONE_LIVE: {
    causes: [
      'All servers of the group have failed `max_fails` times within `fail_timeout`; the lines ' +
        'before this one say how.',
      'All servers are marked `down`, or are at their `max_conns`.',
    ],
    checks: [connect],
    mend: [
      'Mend what the lines before say. Servers are tried again after `fail_timeout`.',
      'Add servers, or a `backup`.',
    ],
    never: [],
    example: {
      context: 'http',
      text: `upstream orders {
    server orders-1.internal:8443 max_fails=3 fail_timeout=10s;
    server orders-2.internal:8443 max_fails=3 fail_timeout=10s;
    server orders-spare.internal:8443 backup;
}`,
    },
  },
  UPSTREAM_CONNECT_FAILED: {
    causes: [
      'The server is not running, or listens on another port or address (`Connection refused`).',
      'There is no way to it: routing, a firewall that says so (`No route to host`).',
      'This machine has no local ports or file descriptors left.',
    ],
    checks: [connect],
    mend: ['Start the server, or correct address and port.'],
    never: [],
    example: null,
  },
  UPSTREAM_CONNECT_TIMEOUT: {
    causes: [
      'A firewall drops the packets, or the machine is gone.',
      'The server is so busy that it accepts no connections, or does not finish the TLS handshake.',
      'It waits for something other than TLS on this port.',
    ],
    checks: [connect],
    mend: [
      'Mend the way to the server. `proxy_connect_timeout` covers the TLS handshake, too; a larger ' +
        'one makes clients wait longer.',
    ],
    never: [],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_connect_timeout 5s;
    proxy_next_upstream error timeout;
}`,
    },
  },
  UPSTREAM_SEND_TIMEOUT: {
    causes: ['The server does not read the body of the request: it is busy, or hangs.'],
    checks: [ask],
    mend: ['Mend the server, or raise `proxy_send_timeout` (it counts between two writes).'],
    never: [],
    example: null,
  },
  UPSTREAM_READ_TIMEOUT: {
    causes: [
      'The request takes the server longer than `proxy_read_timeout` (60s by default) without ' +
        'sending a byte.',
      'It hangs: a lock, a database, another server that it waits for.',
      'A stream of events, or a WebSocket, that is silent for that long.',
    ],
    checks: [ask],
    mend: [
      'Raise `proxy_read_timeout` where long answers are meant; for WebSockets, rather send pings.',
    ],
    never: [],
    example: {
      context: 'server',
      text: `location /reports {
    proxy_pass https://reports.internal:8443;
    proxy_read_timeout 300s;
}`,
    },
  },
  UPSTREAM_CLOSED_EARLY: {
    causes: [
      'The server crashed or was restarted in the middle of a response.',
      'It closes idle connections earlier than the proxy, just as a request was sent.',
      'It announced a longer body than it sent.',
    ],
    checks: [ask],
    mend: [
      'See the log of the server.',
      'Keep `keepalive_timeout` of the group below that of the server.',
    ],
    never: [],
    example: {
      context: 'http',
      text: `upstream orders {
    server orders-1.internal:8443;
    keepalive 32;
    keepalive_timeout 30s;
}`,
    },
  },
  UPSTREAM_RESET: {
    causes: [
      'The process of the server was killed.',
      'A firewall or load balancer between has forgotten the connection, which was idle for too ' +
        'long.',
      'The server closed without having read the whole request.',
    ],
    checks: [ask],
    mend: ['See the log of the server; keep `keepalive_timeout` below what is between allows.'],
    never: [],
    example: null,
  },
  UPSTREAM_INVALID_RESPONSE: {
    causes: [
      'What listens there does not speak HTTP/1: it speaks HTTP/2 only, or another protocol.',
      'The response has two lengths, a bare LF, or a field that cannot be read. The line names it.',
    ],
    checks: [ask],
    mend: ['Mend the server. Ambiguous responses are refused with every setting.'],
    never: [],
    example: null,
  },
  UPSTREAM_HEADER_TOO_LARGE: {
    causes: ['The response sets many or large cookies, or has a long policy or token in a field.'],
    checks: [ask],
    mend: ['Enlarge `proxy_buffer_size`.'],
    never: [],
    example: {
      context: 'server',
      text: `location / {
    proxy_pass https://orders.internal:8443;
    proxy_buffer_size 16k;
}`,
    },
  },
} as const satisfies Record<string, ErrorAdvice>;
