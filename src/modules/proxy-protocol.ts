// `$proxy_protocol_*`: what a balancer in front said of its client, on ports that listen with the
// PROXY protocol.

import type { Exchange } from '../exchange/exchange.ts';
import { variable, variableFamily, type Getter, type VariableRow } from '../exchange/variable.ts';
import { findTlv, type ProxyHeader } from '../http1/proxy-protocol.ts';
import type { Module } from './module.ts';

function fact(name: string, help: string, read: (header: ProxyHeader) => string): VariableRow {
  return variable(`proxy_protocol_${name}`, help, ({ client }: Exchange) =>
    client.proxied === null ? null : read(client.proxied),
  );
}

/** Types by name (section 2.2 of the protocol). */
const types: Readonly<Record<string, number>> = {
  alpn: 0x01,
  authority: 0x02,
  unique_id: 0x05,
  ssl: 0x20,
  netns: 0x30,
};

/** Those within the one about TLS. */
const typesOfTls: Readonly<Record<string, number>> = {
  ssl_version: 0x21,
  ssl_cn: 0x22,
  ssl_cipher: 0x23,
  ssl_sig_alg: 0x24,
  ssl_key_alg: 0x25,
};

/** Before them: flags of one byte, and the result of the check of the client's certificate. */
const tlsPrefix = 5;

function tlv(suffix: string): Getter {
  const inTls = typesOfTls[suffix];
  if (inTls !== undefined) return (x) => text(findIn(tlsPart(x)?.subarray(tlsPrefix), inTls));
  if (suffix === 'ssl_verify') return verifyResult;
  const type = types[suffix] ?? hexType(suffix);
  return type === null ? () => null : (x) => text(findIn(x.client.proxied?.tlvs, type));
}

function hexType(suffix: string): number | null {
  return /^0x[0-9a-f]{1,2}$/.test(suffix) ? Number.parseInt(suffix.slice(2), 16) : null;
}

function findIn(tlvs: Buffer | null | undefined, type: number): Buffer | null {
  return tlvs === null || tlvs === undefined ? null : findTlv(tlvs, type);
}

function tlsPart(x: Exchange): Buffer | null {
  const found = findIn(x.client.proxied?.tlvs, types['ssl'] ?? 0);
  return found === null || found.length < tlsPrefix ? null : found;
}

function verifyResult(x: Exchange): string | null {
  const found = tlsPart(x);
  return found === null ? null : String(found.readUInt32BE(1));
}

function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('latin1');
}

const rows: readonly VariableRow[] = [
  fact('addr', 'Address of the client in the PROXY header.', (header) => header.sourceAddress),
  fact('port', 'Port of the client in the PROXY header.', (header) => String(header.sourcePort)),
  fact(
    'server_addr',
    'Address that the client of the PROXY header connected to.',
    (header) => header.destinationAddress,
  ),
  fact('server_port', 'Port that the client of the PROXY header connected to.', (header) =>
    String(header.destinationPort),
  ),
  variableFamily(
    'proxy_protocol_tlv_',
    'Further facts of the PROXY header: alpn, authority, unique_id, netns, ssl_version, ssl_cn, ' +
      'ssl_cipher, ssl_sig_alg, ssl_key_alg, ssl_verify, or a type as 0x05.',
    tlv,
  ),
];

export const proxyProtocolModule: Module = {
  name: 'PROXY protocol',
  directives: [],
  variables: rows,
};
