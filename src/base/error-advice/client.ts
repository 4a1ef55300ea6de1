// Advice on what clients do wrong.

import type { ErrorAdvice } from '../error-row.ts';

const malformed =
  'A scanner, or somebody who tries to smuggle a request past the proxy: such lines are normal on ' +
  'the open internet.';

export const clientAdvice = {
  CLIENT_BAD_REQUEST: {
    causes: [
      malformed,
      'An old or home-made client: a bare LF at the end of a line, white space before a colon, ' +
        'two Content-Length fields, Transfer-Encoding together with Content-Length.',
      'TLS, or another protocol, on a port that speaks plain HTTP.',
    ],
    checks: [
      {
        look: 'A request that is in order must get an answer of another kind.',
        run: 'curl -sS -i "http://$ADDRESS/" | head -1',
      },
    ],
    mend: ['Mend the client. Ambiguous requests are refused with every setting.'],
    never: [],
    example: null,
  },
  CLIENT_URI_TOO_LONG: {
    causes: ['A very long query, such as a form that is sent by GET.', malformed],
    checks: [],
    mend: ['Enlarge `large_client_header_buffers`, or send the form by POST.'],
    never: [],
    example: { context: 'server', text: 'large_client_header_buffers 4 32k;' },
  },
  CLIENT_HEADER_TOO_LARGE: {
    causes: ['Cookies that have grown, or a large token in Authorization.', malformed],
    checks: [],
    mend: ['Enlarge `large_client_header_buffers`, or have the application set fewer cookies.'],
    never: [],
    example: { context: 'server', text: 'large_client_header_buffers 4 32k;' },
  },
  CLIENT_BODY_TOO_LARGE: {
    causes: ['An upload beyond the limit, which is 1m unless `client_max_body_size` says more.'],
    checks: [],
    mend: ['Raise `client_max_body_size` where uploads are wanted, and only there.'],
    never: ['`client_max_body_size 0` for everything lets anybody fill disks and upstreams.'],
    example: {
      context: 'server',
      text: `location /upload {
    client_max_body_size 200m;
    proxy_pass https://files.internal:8443;
}`,
    },
  },
  CLIENT_VERSION_UNSUPPORTED: {
    causes: ['A client that speaks HTTP/2 without having agreed on it, or a scanner.'],
    checks: [],
    mend: ['Let the client speak HTTP/1.1.'],
    never: [],
    example: null,
  },
  CLIENT_EXPECTATION_FAILED: {
    causes: ['A home-made client: RFC 9110 knows no expectation but 100-continue.', malformed],
    checks: [],
    mend: ['Let the client leave out the Expect field.'],
    never: [],
    example: null,
  },
  CLIENT_NOT_IMPLEMENTED: {
    causes: [
      'A client that compresses its request by Transfer-Encoding (`gzip, chunked`).',
      malformed,
    ],
    checks: [],
    mend: ['Let the client use Content-Encoding, which is passed on, instead.'],
    never: [],
    example: null,
  },
  CLIENT_TIMEOUT: {
    causes: [
      'A slow or broken connection of the client.',
      'Somebody who holds connections open on purpose.',
      'A browser that opened a connection in advance and did not need it.',
    ],
    checks: [],
    mend: ['Raise `client_header_timeout` or `client_body_timeout` for clients that are slow.'],
    never: [],
    example: { context: 'server', text: 'client_body_timeout 120s;' },
  },
  CLIENT_ABORTED: {
    causes: [
      'The user went on to another page, or the client has a shorter timeout than the upstream ' +
        'needs.',
    ],
    checks: [],
    mend: [
      'See `$upstream_response_time` of these requests in the access log: where it is long, the ' +
        'upstream is what is slow.',
    ],
    never: [],
    example: null,
  },
  CLIENT_TLS_FAILED: {
    causes: [
      'The client does not trust the certificate of this server, and says so by an alert.',
      'It speaks none of `ssl_protocols`, or has none of `ssl_ciphers`.',
      'It asked for a name that `ssl_reject_handshake` turns away.',
      'A port scan: the connection was closed, or what came was not TLS.',
    ],
    checks: [
      {
        look: 'See what is presented, and whether it is trusted (`Verify return code`).',
        run: 'openssl s_client -connect "$ADDRESS" -servername "$NAME" </dev/null',
      },
    ],
    mend: [
      'Where clients do not trust it: the file of `ssl_certificate` needs the intermediates after ' +
        'the certificate of the server.',
      'Where they are old: extend `ssl_protocols` and `ssl_ciphers` for the server that they use.',
    ],
    never: [],
    example: {
      context: 'server',
      text: `listen 443 ssl;
ssl_certificate     /etc/sallyport/shop.pem;
ssl_certificate_key /etc/sallyport/shop.key;
ssl_protocols TLSv1.2 TLSv1.3;`,
    },
  },
  CLIENT_PLAIN_HTTP_TO_TLS: {
    causes: ['A link or a client with `http://` and the port of TLS.'],
    checks: [],
    mend: [
      'Correct the link. `error_page 497` answers such requests with a redirection, as in nginx.',
    ],
    never: [],
    example: { context: 'server', text: 'error_page 497 =301 https://$host$request_uri;' },
  },
} as const satisfies Record<string, ErrorAdvice>;
