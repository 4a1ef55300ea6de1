// `ssl_*`: the rows of certificates, protocols and the verification of clients.

import type { Argument } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import { choice, flag, mask, number, size, text } from '../config/value-types.ts';
import type { ContextOverrides } from '../tls/conf-command.ts';
import { inHttpServer } from './contexts.ts';
import type { CertificateCacheSettings } from './proxy-ssl-values.ts';
import {
  certificateCache,
  confCommand,
  defaultCertificateCache,
  fileList,
  oneArgument,
} from './proxy-ssl-values.ts';
import { protocolNames, type ProtocolName } from './ssl-protocol-names.ts';

/** A file name as written, with its place. */
const fileArgument: ValueType<Argument> = oneArgument('the path of a PEM file');

export const sslCertificate = listDirective<Argument>({
  name: 'ssl_certificate',
  contexts: inHttpServer,
  args: 1,
  value: oneArgument('the path of a PEM file, or data:PEM; variables are possible'),
  help:
    'PEM file with the certificate of the server, then its intermediates. One for each key type: ' +
    'clients get the ECDSA one where they can use it, else the RSA one. With variables, such as ' +
    '$ssl_server_name or those of "map", the file is chosen in the handshake.',
  differs:
    'in the handshake only variables of the connection and of the ClientHello are known; a server ' +
    'name that is no host name is refused before it becomes a path, and ".." in a value as well',
  example: 'ssl_certificate /etc/sallyport/shop.pem;',
});

export const sslCertificateKey = listDirective<Argument>({
  name: 'ssl_certificate_key',
  contexts: inHttpServer,
  args: 1,
  value: oneArgument('the path of a PEM file, or data:PEM; variables are possible'),
  help: 'PEM file with the key of the certificate. It must match, or nothing starts.',
  differs: '"engine:" and "store:" are refused: Node.js loads no OpenSSL engines or providers',
  example: 'ssl_certificate_key /etc/sallyport/shop.key;',
});

export const sslCertificateCache = directive<CertificateCacheSettings>({
  name: 'ssl_certificate_cache',
  contexts: inHttpServer,
  args: { min: 1, max: 3 },
  value: certificateCache,
  default: defaultCertificateCache,
  defaultText: 'off',
  help:
    'How many certificates that variables name are kept (max=), for how long without use ' +
    '(inactive=, 10s), and after which time their files are looked at again (valid=, 60s).',
  differs: '"off" still looks at a file only once in a second; changed files are recognised',
  example: 'ssl_certificate_cache max=1000 inactive=20s valid=1m;',
});

export const sslPasswordFile = directive<Argument | null>({
  name: 'ssl_password_file',
  contexts: inHttpServer,
  args: 1,
  value: oneArgument('the path of a file'),
  default: null,
  help: 'File with the passwords of encrypted keys, one in a line; they are tried in turn.',
  example: 'ssl_password_file /etc/sallyport/key-passwords;',
});

export const sslDhparam = directive<Argument | null>({
  name: 'ssl_dhparam',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  default: null,
  help: 'PEM file with parameters for DHE cipher suites of TLS 1.2. Without it there are none.',
  example: 'ssl_dhparam /etc/sallyport/dhparam.pem;',
});

export const sslClientCertificate = directive<Argument | null>({
  name: 'ssl_client_certificate',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  default: null,
  help: 'PEM file with the CAs whose client certificates are accepted; they are named to clients.',
  example: 'ssl_client_certificate /etc/sallyport/partner-ca.pem;',
});

export const sslTrustedCertificate = directive<Argument | null>({
  name: 'ssl_trusted_certificate',
  contexts: inHttpServer,
  args: 1,
  value: fileArgument,
  default: null,
  help:
    'PEM file with further CAs whose client certificates are accepted, which are not named to ' +
    'clients. The issuer of a stapled OCSP response is looked for in it as well.',
  example: 'ssl_trusted_certificate /etc/sallyport/former-partner-ca.pem;',
});

export const sslCrl = directive<readonly Argument[]>({
  name: 'ssl_crl',
  contexts: inHttpServer,
  args: { min: 1, max: Infinity },
  value: fileList,
  default: [],
  help:
    'PEM files with revocation lists. Every CA in the chain of a client certificate needs one that ' +
    'is in force, or the certificate is refused. One that is out of date is warned of at load.',
  differs: 'several files are possible; a file without any list is an error',
  example: 'ssl_crl /etc/sallyport/partner-root.crl /etc/sallyport/partner-issuing.crl;',
});

export const sslVerifyClient = directive<'off' | 'on' | 'optional' | 'optional_no_ca'>({
  name: 'ssl_verify_client',
  contexts: inHttpServer,
  args: 1,
  value: choice(['on', 'off', 'optional', 'optional_no_ca'] as const),
  default: 'off',
  defaultText: 'off',
  help:
    'Whether clients have to present a certificate. "optional": a certificate that is presented ' +
    'must be good. "optional_no_ca": it need not be from a known CA; the verdict is in ' +
    '$ssl_client_verify.',
  differs:
    'a request for a server that verifies clients otherwise than the handshake did is answered 421, ' +
    'also where the client sent no server name; $ssl_client_verify calls a chain beyond ' +
    'ssl_verify_depth too long',
  example: 'ssl_verify_client on;',
});

export const sslVerifyDepth = directive({
  name: 'ssl_verify_depth',
  contexts: inHttpServer,
  args: 1,
  value: number(),
  default: 1,
  defaultText: '1',
  help: 'How many intermediate CAs the chain of a client certificate may have.',
  example: 'ssl_verify_depth 2;',
});

export const sslProtocols = directive<readonly ProtocolName[]>({
  name: 'ssl_protocols',
  contexts: inHttpServer,
  args: { min: 1, max: Infinity },
  value: mask(protocolNames),
  default: ['TLSv1.2', 'TLSv1.3'],
  defaultText: 'TLSv1.2 TLSv1.3',
  help: 'TLS versions offered to clients.',
  differs: 'TLSv1 and TLSv1.1 are offered only where ssl_ciphers has @SECLEVEL=0, and warned about',
  example: 'ssl_protocols TLSv1.3;',
});

export const sslCiphers = directive({
  name: 'ssl_ciphers',
  contexts: inHttpServer,
  args: 1,
  value: text,
  default: 'HIGH:!aNULL:!MD5',
  defaultText: 'HIGH:!aNULL:!MD5',
  help: "Cipher suites for clients, in OpenSSL's notation.",
  example: 'ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;',
});

export const sslPreferServerCiphers = directive({
  name: 'ssl_prefer_server_ciphers',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether the order of ssl_ciphers counts, or that of the client.',
  example: 'ssl_prefer_server_ciphers on;',
});

export const sslEcdhCurve = directive({
  name: 'ssl_ecdh_curve',
  contexts: inHttpServer,
  args: 1,
  value: text,
  default: 'auto',
  defaultText: 'auto',
  help: 'Key exchange groups, separated by ":"; "auto" leaves the choice to OpenSSL.',
  example: 'ssl_ecdh_curve X25519MLKEM768:X25519:P-256;',
});

export const sslConfCommand = listDirective<ContextOverrides>({
  name: 'ssl_conf_command',
  contexts: inHttpServer,
  args: 2,
  value: confCommand,
  help:
    "A configuration command of OpenSSL's, applied after all other directives: Ciphersuites, " +
    'CipherString, Groups, Curves, SignatureAlgorithms, MinProtocol, MaxProtocol, Protocol, Options.',
  differs:
    'commands and option words that Node.js has no way to, or that take a protection away, are ' +
    'refused by name',
  example: 'ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256;',
});

export const sslBufferSize = directive({
  name: 'ssl_buffer_size',
  contexts: inHttpServer,
  args: 1,
  value: size,
  default: 16_384,
  defaultText: '16k',
  help: 'Largest TLS record that is sent: a smaller one reaches the client sooner, at more cost.',
  differs: 'TLS knows sizes from 512 bytes to 16k: others come to the nearest of them',
  example: 'ssl_buffer_size 4k;',
});

export const sslRejectHandshake = directive({
  name: 'ssl_reject_handshake',
  contexts: inHttpServer,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Refuses TLS handshakes for the names of this server with the alert unrecognized_name.',
  example: 'ssl_reject_handshake on;',
});
