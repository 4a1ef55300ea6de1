// The rows of `proxy_ssl_*`: how the hop to an upstream server is verified, and what this proxy shows
// of itself there. What becomes of them is in proxy-ssl.ts.

import type { Argument } from '../config/node.ts';
import { directive, listDirective } from '../config/row.ts';
import { choice, flag, mask, number, text } from '../config/value-types.ts';
import type { ContextOverrides } from '../tls/conf-command.ts';
import type { OcspMode } from '../tls/upstream-settings.ts';
import type { WantedSan } from '../tls/wanted-san.ts';
import { inHttpServerLocation } from './contexts.ts';
import {
  certificateCache,
  confCommand,
  defaultCertificateCache,
  fileList,
  oneArgument,
  pinList,
  sanList,
} from './proxy-ssl-values.ts';
import { protocolNames, type ProtocolName } from './ssl-protocol-names.ts';
import { fullVerification, verifySetting } from './verify-setting.ts';

const contexts = inHttpServerLocation;
const oneOrMore = { min: 1, max: Infinity };
const ours = 'nginx has no such directive';

// ---- what the upstream server has to show

export const proxySslVerify = directive({
  name: 'proxy_ssl_verify',
  contexts,
  args: oneOrMore,
  value: verifySetting,
  default: fullVerification,
  defaultText: 'on',
  help:
    'Whether upstream certificates are verified: chain, dates, purpose and name. "report" verifies ' +
    'and logs what would have failed, but lets it through. With until= the weaker mode ends at 24:00 ' +
    'UTC of that day and verification is on; a warning comes from 30 days before. DANGER: with "off" ' +
    'and "report" anybody on the way can be the upstream server. Such hops are listed at start.',
  differs:
    'on by default: encryption without verification protects from nobody who is on the way; ' +
    '"report", reason= and until= are not in nginx',
  example: 'proxy_ssl_verify off reason="certificate is being ordered" until=2099-12-31;',
});

export const proxySslTrustedCertificate = directive<Argument | null>({
  name: 'proxy_ssl_trusted_certificate',
  contexts,
  args: 1,
  value: oneArgument('the path of a PEM file'),
  default: null,
  defaultText: 'the trust store of the system',
  help: 'PEM file with the CAs that upstream certificates must come from.',
  differs:
    'without it the trust store of the system is used, so that verification needs nothing else',
  example: 'proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;',
});

export const proxySslVerifyDepth = directive({
  name: 'proxy_ssl_verify_depth',
  contexts,
  args: 1,
  value: number(),
  default: 4,
  defaultText: '4',
  help: 'How many intermediate CAs the chain of an upstream certificate may have.',
  differs: "4 by default: today's public chains need 2",
  example: 'proxy_ssl_verify_depth 2;',
});

export const proxySslVerifyCn = directive({
  name: 'proxy_ssl_verify_cn',
  contexts,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help:
    'Whether the common name counts where a certificate has neither DNS nor IP names. RFC 9525 says ' +
    'no; it is for old certificates of internal CAs.',
  differs: `${ours}: nginx always accepts the common name`,
  example: 'proxy_ssl_verify_cn on;',
});

export const proxySslCrl = directive<readonly Argument[]>({
  name: 'proxy_ssl_crl',
  contexts,
  args: oneOrMore,
  value: fileList,
  default: [],
  help:
    'PEM files with revocation lists. With any, each CA in the chain of an upstream certificate needs ' +
    'a list that is of this time.',
  differs: 'several files may be given; a list that is out of date is warned of when it is read',
  example: 'proxy_ssl_crl root.crl intermediate.crl;',
});

export const proxySslPin = directive<readonly string[]>({
  name: 'proxy_ssl_pin',
  contexts,
  args: oneOrMore,
  value: pinList,
  default: [],
  defaultText: 'off',
  help:
    'SHA-256 of public keys (SubjectPublicKeyInfo), two or more: one of them must be in the verified ' +
    'chain of an upstream certificate, of the server or of a CA. One alone is refused, since nothing ' +
    'could be reached once its key is replaced: pin a backup key as well. `file:PATH` stands for the ' +
    'pins in a file, one in each line, `#` before remarks; it is watched like the other TLS files.',
  differs: ours,
  example:
    'proxy_ssl_pin sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= ' +
    'sha256/ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=;',
});

export const proxySslSan = directive<readonly WantedSan[]>({
  name: 'proxy_ssl_san',
  contexts,
  args: oneOrMore,
  value: sanList,
  default: [],
  defaultText: 'off',
  help:
    'Names of which an upstream certificate must have one: dns:NAME, ip:ADDRESS or uri:URI (SPIFFE ' +
    'IDs). They replace the comparison with proxy_ssl_name, which is still sent as SNI.',
  differs: ours,
  example: 'proxy_ssl_san uri:spiffe://example.org/ns/shop/sa/cart dns:cart.internal;',
});

export const proxySslOcsp = directive<OcspMode>({
  name: 'proxy_ssl_ocsp',
  contexts,
  args: 1,
  value: choice(['off', 'staple', 'require'] as const),
  default: 'off',
  defaultText: 'off',
  help:
    'Whether upstream servers are asked for a stapled OCSP response. "staple": one that comes is ' +
    'checked, and a certificate that says must-staple needs one. "require": every certificate does.',
  differs: ours,
  example: 'proxy_ssl_ocsp staple;',
});

// ---- names

export const proxySslName = directive<Argument | null>({
  name: 'proxy_ssl_name',
  contexts,
  args: 1,
  value: oneArgument('a host name'),
  default: null,
  defaultText: 'the host name of the server that was picked',
  help:
    'The name that an upstream certificate must be for, and that is sent as SNI. It may have ' +
    'variables; DANGER: a client that chooses the name chooses whose certificate is good enough.',
  differs:
    'by default the host of the server that was picked: the name of a group is in no certificate. ' +
    'For an IP address the certificate needs it among its IP names',
  example: 'proxy_ssl_name orders.internal;',
});

export const proxySslServerName = directive({
  name: 'proxy_ssl_server_name',
  contexts,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether the name is sent as SNI; an IP address never is.',
  differs: 'on by default: without it many servers show the wrong certificate',
  example: 'proxy_ssl_server_name off;',
});

// ---- what this proxy shows

export const proxySslCertificate = directive<Argument | null>({
  name: 'proxy_ssl_certificate',
  contexts,
  args: 1,
  value: oneArgument('the path of a PEM file, or "data:" and PEM; perhaps with variables'),
  default: null,
  help:
    'PEM file with the certificate that this proxy shows upstream servers that ask for one, or the ' +
    'PEM itself after "data:". With variables it is found for each request; an empty value shows ' +
    'none. DANGER: a variable that the client chooses lets it choose the file.',
  differs:
    'a file named by variables that cannot be used ends the request with 502; one that has been good ' +
    'stays in use while its files are being replaced',
  example: 'proxy_ssl_certificate /etc/sallyport/proxy-client.pem;',
});

export const proxySslCertificateKey = directive<Argument | null>({
  name: 'proxy_ssl_certificate_key',
  contexts,
  args: 1,
  value: oneArgument('the path of a PEM file, or "data:" and PEM; perhaps with variables'),
  default: null,
  help: 'PEM file with its key, or the PEM itself after "data:".',
  differs:
    'a key without proxy_ssl_certificate is refused; "engine:" and "store:" are not supported',
  example: 'proxy_ssl_certificate_key /etc/sallyport/proxy-client.key;',
});

export const proxySslCertificateCache = directive({
  name: 'proxy_ssl_certificate_cache',
  contexts,
  args: { min: 1, max: 3 },
  value: certificateCache,
  default: defaultCertificateCache,
  defaultText: 'off',
  help:
    'Certificates and keys that variables name are kept: "max" pairs at most for each worker and ' +
    'location, those unused for "inactive" (10s) are dropped, and files are looked at again after ' +
    '"valid" (60s).',
  differs:
    'with "off" up to 64 pairs are kept and their files looked at once a second: connections are ' +
    'shared by what the certificate is, so it has to be known for each request',
  example: 'proxy_ssl_certificate_cache max=1000 inactive=20s valid=1m;',
});

export const proxySslPasswordFile = directive<Argument | null>({
  name: 'proxy_ssl_password_file',
  contexts,
  args: 1,
  value: oneArgument('the path of a file'),
  default: null,
  help: 'File with passwords for encrypted keys, one in each line; they are tried in their order.',
  example: 'proxy_ssl_password_file /etc/sallyport/key-passwords;',
});

// ---- how it is spoken

export const proxySslProtocols = directive<readonly ProtocolName[]>({
  name: 'proxy_ssl_protocols',
  contexts,
  args: oneOrMore,
  value: mask(protocolNames),
  default: ['TLSv1.2', 'TLSv1.3'],
  defaultText: 'TLSv1.2 TLSv1.3',
  help: 'TLS versions towards upstream servers.',
  differs:
    'TLSv1 and TLSv1.1 are offered only where proxy_ssl_ciphers has @SECLEVEL=0, and warned about',
  example: 'proxy_ssl_protocols TLSv1.3;',
});

export const proxySslCiphers = directive({
  name: 'proxy_ssl_ciphers',
  contexts,
  args: 1,
  value: text,
  default: 'DEFAULT',
  defaultText: 'DEFAULT',
  help: "Cipher suites towards upstream servers, in OpenSSL's notation.",
  example: 'proxy_ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;',
});

export const proxySslGroups = directive({
  name: 'proxy_ssl_groups',
  contexts,
  args: 1,
  value: text,
  default: 'auto',
  defaultText: 'auto',
  help:
    'Key exchange groups towards upstream servers, separated by ":"; "auto" leaves the choice to ' +
    'OpenSSL, which prefers the post-quantum X25519MLKEM768.',
  differs: `${ours}; there it is proxy_ssl_conf_command Groups`,
  example: 'proxy_ssl_groups X25519MLKEM768:X25519;',
});

export const proxySslConfCommand = listDirective<ContextOverrides>({
  name: 'proxy_ssl_conf_command',
  contexts,
  args: 2,
  value: confCommand,
  help:
    "A command of OpenSSL's SSL_CONF_cmd with its value, applied after all other directives: " +
    'Ciphersuites, CipherString, Groups, Curves, SignatureAlgorithms, MinProtocol, MaxProtocol, ' +
    'Options.',
  differs: 'commands that Node.js cannot carry out are refused by name',
  example: 'proxy_ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;',
});

export const proxySslSessionReuse = directive({
  name: 'proxy_ssl_session_reuse',
  contexts,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether TLS sessions with upstream servers are resumed.',
  differs: 'sessions belong to the whole policy: another CA or name never profits from them',
  example: 'proxy_ssl_session_reuse off;',
});

export const proxySslRows = [
  proxySslVerify,
  proxySslTrustedCertificate,
  proxySslVerifyDepth,
  proxySslVerifyCn,
  proxySslCrl,
  proxySslPin,
  proxySslSan,
  proxySslOcsp,
  proxySslName,
  proxySslServerName,
  proxySslCertificate,
  proxySslCertificateKey,
  proxySslCertificateCache,
  proxySslPasswordFile,
  proxySslProtocols,
  proxySslCiphers,
  proxySslGroups,
  proxySslConfCommand,
  proxySslSessionReuse,
];
