// The versions that `ssl_protocols` and `proxy_ssl_protocols` may name.

export const protocolNames = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

export type ProtocolName = (typeof protocolNames)[number];
