// Variables of the client's connection, and of the port that the request names.

import { addressBytes } from '../base/network.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { Module } from './module.ts';

function binaryAddress({ remoteAddress }: Exchange): string {
  const bytes = addressBytes(remoteAddress);
  return bytes === null ? remoteAddress : String.fromCharCode(...bytes);
}

/** The port that Host, or an absolute target, names; empty where it names none. */
function requestPort(x: Exchange): string {
  const { host } = x.request;
  if (host === null) return '';
  const port = Number(/:(\d+)$/.exec(host)?.[1] ?? '0');
  return port === 0 ? '' : String(port);
}

const unknown = (): null => null;
const noTcpInfo = 'Always empty: Node.js does not tell it.';

const rows: readonly VariableRow[] = [
  variable('binary_remote_addr', 'Address of the client: 4 or 16 bytes.', binaryAddress),
  variable(
    'pipe',
    '"p" for a request that came before the response to the one before was complete, else ".".',
    (x) => (x.pipelined ? 'p' : '.'),
  ),
  variable('request_port', 'Port in Host or in an absolute target; empty for none.', requestPort),
  variable('is_request_port', '":" if there is a $request_port.', (x) =>
    requestPort(x) === '' ? '' : ':',
  ),
  variable('http2', 'Always empty: HTTP/2 is not spoken with clients.', () => ''),
  variable('tcpinfo_rtt', noTcpInfo, unknown),
  variable('tcpinfo_rttvar', noTcpInfo, unknown),
  variable('tcpinfo_snd_cwnd', noTcpInfo, unknown),
  variable('tcpinfo_rcv_space', noTcpInfo, unknown),
];

export const connectionVariablesModule: Module = {
  name: 'connection variables',
  directives: [],
  variables: rows,
};
