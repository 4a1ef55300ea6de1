// The parameters about TLS of a `server` line in `upstream`.

/** One parameter. */
export interface ServerParameter {
  /** With its "=". */
  readonly name: string;
  readonly syntax: string;
  readonly help: string;
  /** A `server` line that has it, to be parsed by a test. */
  readonly example: string;
}

const pins =
  'ssl_pin=sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg= ' +
  'ssl_pin=sha256/xsHJqchUPx5M2YAGTPFiXuthqQcDskZP/wOfIWglCLM=';

/** All of them. */
export const serverParameters: readonly ServerParameter[] = [
  {
    name: 'ssl_name=',
    syntax: 'ssl_name=NAME',
    help:
      'the name or IP address that the certificate of this server must be for; sent as SNI unless ' +
      'it is an address. Without it `proxy_ssl_name` counts, and without that the host of the line.',
    example: 'server 192.0.2.10:8443 ssl_name=orders-1.internal;',
  },
  {
    name: 'ssl_trusted_certificate=',
    syntax: 'ssl_trusted_certificate=FILE',
    help: 'CAs for this server, in place of those of `proxy_ssl_trusted_certificate`.',
    example: 'server orders.example:443 ssl_trusted_certificate=/etc/sallyport/partner-ca.pem;',
  },
  {
    name: 'ssl_certificate=',
    syntax: 'ssl_certificate=FILE',
    help:
      'the client certificate to show this server, with its intermediates, in place of ' +
      '`proxy_ssl_certificate`. Needs `ssl_certificate_key=`; no variables.',
    example: 'server orders.example:443 ssl_certificate=a.pem ssl_certificate_key=a.key;',
  },
  {
    name: 'ssl_certificate_key=',
    syntax: 'ssl_certificate_key=FILE',
    help: 'its key; `proxy_ssl_password_file` of the location is tried where it is encrypted.',
    example: 'server orders.example:443 ssl_certificate=a.pem ssl_certificate_key=a.key;',
  },
  {
    name: 'ssl_pin=',
    syntax: 'ssl_pin=sha256/BASE64',
    help:
      'a key of which one must be in the verified chain, in place of those of `proxy_ssl_pin`. At ' +
      'least two: given several times, or separated by commas.',
    example: `server vault.internal:8443 ${pins};`,
  },
];
