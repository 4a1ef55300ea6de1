// Advice on what keeps the proxy from starting or reloading, and on defects of its own.

import type { ErrorAdvice } from '../error-row.ts';

const testConfiguration = {
  look: 'Check the configuration without starting: every error comes with file, line and column.',
  run: 'sallyport -t -c "$CONF"',
};

export const configAdvice = {
  CONFIG_INVALID: {
    causes: [
      'A misprint, or a directive where it may not stand; the message often has a suggestion.',
      'A directive of nginx that is not implemented: none is silently ignored.',
      'A value that does not fit, or two directives that contradict each other.',
    ],
    checks: [testConfiguration],
    mend: [
      'Correct the place that the message names. All errors are reported at once.',
      'After a failed reload nothing has changed: the former configuration is still in force.',
    ],
    never: [],
    example: null,
  },
  CONFIG_FILE_UNREADABLE: {
    causes: [
      'The path is wrong: relative ones belong to the prefix (`-p`), those of certificates to the ' +
        'folder of the configuration file.',
      'The user that starts the proxy may not read the file, or a folder above it.',
      'An `include` names a file that does not exist. A pattern (`*.conf`) may match nothing.',
    ],
    checks: [
      testConfiguration,
      { look: 'See the rights of every folder on the way.', run: 'namei -l "$FILE"' },
    ],
    mend: ['Correct the path, or the rights.'],
    never: ['Do not make private keys readable for everybody.'],
    example: null,
  },
  CERTIFICATE_INVALID: {
    causes: [
      'The key belongs to another certificate.',
      'The file is empty, half-written or not PEM (DER, PKCS#12).',
      'The certificates are in the wrong order: the own one first, then its intermediates.',
      'The key is encrypted, and no password of `ssl_password_file` or `proxy_ssl_password_file` ' +
        'fits.',
    ],
    checks: [
      {
        look: 'Both lines must be equal.',
        run: [
          'openssl x509 -in "$CERT" -noout -pubkey | openssl sha256',
          'openssl pkey -in "$KEY" -pubout | openssl sha256',
        ].join('\n'),
      },
      {
        look: 'See what is in the file, in which order.',
        run: 'openssl storeutl -noout -text "$CERT" | grep -E \'^[0-9]+:|Subject:|Issuer:\'',
      },
    ],
    mend: [
      'Put certificate and key that belong together in place, both by renaming, so that no half ' +
        'file is ever seen.',
      'At run time, a pair that does not fit is refused and the last good one stays in force; once ' +
        'both files fit, they are taken.',
    ],
    never: [],
    example: {
      context: 'http',
      text: `server {
    listen 443 ssl;
    # cat shop.crt intermediate.crt >shop.pem
    ssl_certificate     /etc/sallyport/shop.pem;
    ssl_certificate_key /etc/sallyport/shop.key;
}`,
    },
  },
  ENVIRONMENT_UNSAFE: {
    causes: [
      '`NODE_TLS_REJECT_UNAUTHORIZED=0` is set: in the shell, in the unit file, or in the image of ' +
        'the container.',
    ],
    checks: [{ look: 'See whether it is set.', run: 'env | grep NODE_TLS' }],
    mend: [
      'Remove the variable. Where one hop has to be weaker, say so there: `proxy_ssl_verify ' +
        'report` or `off`, with `reason=` and `until=`.',
    ],
    never: [],
    example: null,
  },
  LISTEN_FAILED: {
    causes: [
      'Another program has the port.',
      'Ports below 1024 need root or CAP_NET_BIND_SERVICE.',
      'The address of `listen` is not one of this machine.',
    ],
    checks: [{ look: 'See who has the port.', run: 'ss -ltnp' }],
    mend: ['Stop the other program, or change `listen`.'],
    never: [],
    example: null,
  },
  PRIVILEGES_FAILED: {
    causes: [
      'The user or the group of `user` does not exist.',
      'The process may not change its user, for example in a container without CAP_SETUID.',
    ],
    checks: [{ look: 'See whether the user exists.', run: 'getent passwd "$USERNAME"' }],
    mend: ['Create the user, correct `user`, or start the process as that user to begin with.'],
    never: [],
    example: { context: 'main', text: 'user www-data;' },
  },
  PID_FILE_FAILED: {
    causes: [
      'The folder of the pid file does not exist, or may not be written.',
      'With `-s`: no proxy is running with this configuration, or it has another `pid`.',
    ],
    checks: [testConfiguration],
    mend: ['Correct `pid`, and give `-s` the same `-c` and `-p` as the running process had.'],
    never: [],
    example: { context: 'main', text: 'pid /run/sallyport/sallyport.pid;' },
  },
  SIGNAL_FAILED: {
    causes: [
      'The process has ended without removing its pid file (it was killed).',
      'It belongs to another user.',
    ],
    checks: [{ look: 'See who that process is.', run: 'ps -fp "$(cat "$PIDFILE")"' }],
    mend: ['Start the proxy anew, or send the signal as its user or as root.'],
    never: [],
    example: null,
  },
  NOT_RUNNING: {
    causes: ['The program that uses the API called `start` twice, or `reload` before `start`.'],
    checks: [],
    mend: ['Wait for `start()` before anything else, and create a new proxy after `close()`.'],
    never: [],
    example: null,
  },
  UPGRADE_FAILED: {
    causes: [
      'The configuration has errors by now, or the new version of the program refuses it.',
      'The process has given up root, and may no longer read the configuration or write its files.',
      'The program or the Node.js that runs it is no longer where it was when this process started.',
    ],
    checks: [testConfiguration],
    mend: ['Correct what the line says, and send USR2 again. Nothing has changed meanwhile.'],
    never: [],
    example: null,
  },
  WORKER_DIED: {
    causes: [
      'A defect of this program: the line has the error.',
      'The worker ran out of memory, or hung: its event loop did not turn for a minute.',
    ],
    checks: [{ look: 'See whether it comes back, and with what.', run: 'grep WORKER_DIED "$LOG"' }],
    mend: [
      'The worker is restarted on its own, after a delay that grows.',
      'Report the line, with the requests before it.',
    ],
    never: [],
    example: null,
  },
  UPSTREAM_HOST_NOT_FOUND: {
    causes: [
      'A misprint in the name of a `server` or in `proxy_pass`.',
      'The name server is not reachable, or does not know the name yet.',
    ],
    checks: [{ look: 'Ask as the proxy does.', run: 'getent ahosts "$HOST"' }],
    mend: [
      'Correct the name or the name server. Names are looked up when the configuration is loaded.',
    ],
    never: [],
    example: null,
  },
  RESOURCES_EXHAUSTED: {
    causes: [
      'More clients and upstream servers are connected than `worker_connections` allows.',
      'The process has as many files and sockets open as the system allows (`Too many open files`).',
    ],
    checks: [
      {
        look: 'Compare what is open with what may be.',
        run: 'ls "/proc/$PID/fd" | wc -l; grep "open files" "/proc/$PID/limits"',
      },
    ],
    mend: [
      "Raise `worker_connections`: a proxied request takes two, its own and the upstream server's.",
      'Raise `worker_rlimit_nofile` (with systemd `LimitNOFILE=`) above `worker_connections` times ' +
        '`worker_processes`: workers share one limit.',
      'Bound single clients with `limit_conn`, and idle ones with `keepalive_timeout`.',
    ],
    never: [],
    example: null,
  },
  INTERNAL: {
    causes: ['A mistake of this program.'],
    checks: [],
    mend: ['Report the line, with the configuration and the request that it is about.'],
    never: [],
    example: null,
  },
} as const satisfies Record<string, ErrorAdvice>;
