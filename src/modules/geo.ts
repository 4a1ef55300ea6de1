// `geo`: a variable whose value is chosen by the client's address.

import { parseHostPort } from '../base/address.ts';
import { addressBytes, parseNetwork, type Network } from '../base/network.ts';
import { forwardedAddress, isInAny } from '../base/forwarded-address.ts';
import { NetworkTableBuilder } from '../base/network-table.ts';
import type { DirectiveNode } from '../config/node.ts';
import { rawBlockListDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { toByteString } from '../exchange/template.ts';
import type { Getter } from '../exchange/variable.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp } from './contexts.ts';
import { GeoRanges, type AddressRange } from './geo-ranges.ts';
import type { Module } from './module.ts';
import {
  argumentName,
  defineOwnVariable,
  definedName,
  knownVariable,
  type OwnVariableSpec,
} from './own-variable.ts';

/** From the bytes of an address, or null for one that is unknown or none, to the value. */
type Find = (address: Uint8Array | null) => string;

interface Geo extends OwnVariableSpec {
  /** Variable with the address, without its `$`; null for the client's own. */
  readonly source: string | null;
  readonly proxies: readonly Network[];
  readonly recursive: boolean;
  readonly find: Find;
}

const geoValue: ValueType<Geo> = {
  expects: 'perhaps a variable with an address, the variable to define, and a block of networks',
  parse(node, help) {
    const name = definedName(node, help);
    const source = node.args.length === 1 ? null : argumentName(node, 0, help);
    const reader = new BlockReader(help);
    for (const line of node.block ?? []) reader.line(line);
    if (name === null || (node.args.length > 1 && source === null)) return null;
    const { proxies, recursive, volatile } = reader;
    return { name, node, source, proxies, recursive, volatile, find: reader.finish() };
  },
};

const wide = { bits: 0, untidy: false } as const;
const anyIpv4: Network = { bytes: new Uint8Array(4), ...wide };
const anyIpv6: Network = { bytes: new Uint8Array(16), ...wide };

/** Stands for every address that is unknown, or a unix socket's. */
const unknownAddress = Uint8Array.of(255, 255, 255, 255);

/** Reads the lines of one block. */
class BlockReader {
  readonly proxies: Network[] = [];
  recursive = false;
  volatile = false;
  readonly #help: ParseHelp;
  readonly #ranges = new GeoRanges();
  readonly #ipv4 = new NetworkTableBuilder<string>();
  readonly #ipv6 = new NetworkTableBuilder<string>();
  #hasNetworks = false;
  #byRanges = false;
  #rangeDefault: string | null = null;

  constructor(help: ParseHelp) {
    this.#help = help;
  }

  line(line: DirectiveNode): void {
    const [value, ...others] = line.args;
    if (value === undefined && this.#flag(line)) return;
    if (value === undefined || others.length > 0) {
      const hint = 'each line is: network value;';
      this.#help.error(line.at, 'invalid number of the geo parameters', hint);
    } else if (line.name === 'proxy') {
      const network = this.#network(value.text, line);
      if (network !== null) this.proxies.push(network);
    } else if (this.#byRanges) this.#rangeLine(line, value.text);
    else this.#networkLine(line, value.text);
  }

  #flag(line: DirectiveNode): boolean {
    switch (line.name) {
      case 'ranges':
        if (this.#hasNetworks) {
          const message = 'the "ranges" directive must be the first directive inside "geo" block';
          this.#help.error(line.at, message);
        }
        this.#byRanges = true;
        return true;
      case 'proxy_recursive':
        this.recursive = true;
        return true;
      case 'volatile':
        this.volatile = true;
        return true;
      default:
        return false;
    }
  }

  // ---- networks

  #networkLine(line: DirectiveNode, argument: string): void {
    this.#hasNetworks = true;
    if (line.name === 'default') {
      this.#set(anyIpv4, line, argument);
      this.#set(anyIpv6, line, argument);
      return;
    }
    const deletes = line.name === 'delete';
    const network = this.#network(deletes ? argument : line.name, line);
    if (network === null) return;
    if (!deletes) this.#set(network, line, argument);
    else if (!this.#tableOf(network).delete(network)) {
      this.#help.warn(line.at, `no network "${argument}" to delete`);
    }
  }

  #set(network: Network, line: DirectiveNode, value: string): void {
    const old = this.#tableOf(network).set(network, toByteString(value));
    if (old === undefined) return;
    const message = `duplicate network "${line.name}", value: "${value}", old value: "${old}"`;
    this.#help.warn(line.at, message);
  }

  #tableOf(network: Network): NetworkTableBuilder<string> {
    return network.bytes.length === 4 ? this.#ipv4 : this.#ipv6;
  }

  #network(text: string, line: DirectiveNode): Network | null {
    const network = parseNetwork(text);
    if (network === null) this.#help.error(line.at, `invalid network "${text}"`);
    else if (network.untidy) {
      this.#help.warn(line.at, `low address bits of ${text} are meaningless`);
    }
    return network;
  }

  // ---- ranges

  #rangeLine(line: DirectiveNode, argument: string): void {
    if (line.name === 'default') {
      if (this.#rangeDefault !== null) {
        const old = `old value: "${this.#rangeDefault}"`;
        this.#help.warn(line.at, `duplicate default geo range value: "${argument}", ${old}`);
      }
      this.#rangeDefault = toByteString(argument);
      return;
    }
    const deletes = line.name === 'delete';
    const text = deletes ? argument : line.name;
    const range = readRange(text);
    if (range === null) this.#help.error(line.at, `invalid range "${text}"`);
    else if (!deletes) this.#addRange(range, line, argument);
    else if (!this.#ranges.delete(range)) {
      this.#help.warn(line.at, `no address range "${text}" to delete`);
    }
  }

  #addRange(range: AddressRange, line: DirectiveNode, value: string): void {
    const { replaced, overlaps } = this.#ranges.add(range, toByteString(value));
    for (const old of replaced) {
      const message = `duplicate range "${line.name}", value: "${value}", old value: "${old}"`;
      this.#help.warn(line.at, message);
    }
    if (overlaps === null) return;
    const other = `${dotted(overlaps.start)}-${dotted(overlaps.end)}`;
    this.#help.error(line.at, `range "${line.name}" overlaps "${other}"`);
  }

  /** What the block says, ready to be asked. */
  finish(): Find {
    if (this.#byRanges) {
      const ranges = this.#ranges;
      const fallback = this.#rangeDefault ?? '';
      return (address) => {
        const known = address?.length === 4 ? address : unknownAddress;
        return ranges.find(ipv4Number(known)) ?? fallback;
      };
    }
    const ipv4 = this.#ipv4.build(4);
    const ipv6 = this.#ipv6.build(16);
    return (address) => {
      const known = address ?? unknownAddress;
      return (known.length === 4 ? ipv4 : ipv6).find(known) ?? '';
    };
  }
}

function ipv4Number(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

// The highest address of all stands for none in nginx, and so cannot be an end of a range.
function readRange(text: string): AddressRange | null {
  const dash = text.indexOf('-');
  if (dash === -1) return null;
  const start = readIpv4(text.slice(0, dash));
  const end = readIpv4(text.slice(dash + 1));
  return start === null || end === null || start > end ? null : { start, end };
}

function readIpv4(text: string): number | null {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  const address = ipv4Number(Uint8Array.from(parts));
  return address === 0xffffffff ? null : address;
}

export const geo = rawBlockListDirective<Geo>({
  name: 'geo',
  contexts: inHttp,
  args: { min: 1, max: 2 },
  value: geoValue,
  help:
    "Defines a variable by the client's address, or by the address in another variable. Each line " +
    'has a network (the smallest that fits wins) or, after "ranges", a range of IPv4 addresses, ' +
    'and the value for it; "default" is for all else, "delete" takes a line back. "proxy" names ' +
    'networks whose X-Forwarded-For is believed, "proxy_recursive" follows it over several of ' +
    'them, "volatile" keeps no value for the rest of the request. What is no address counts as ' +
    '255.255.255.255.',
  differs: 'large ranges are not also kept in a binary file (".bin") beside the one included',
  example:
    'geo $zone {\n' +
    '    default        outside;\n' +
    '    proxy          192.0.2.1;\n' +
    '    10.0.0.0/8     inside;\n' +
    '    2001:db8::/32  inside;\n' +
    '}\n' +
    'geo $arg_ip $country {\n' +
    '    ranges;\n' +
    '    192.0.2.0-192.0.2.99 aa;\n' +
    '}',
});

function define(http: Scope, context: BuildContext): () => void {
  const defined = http.get(geo).flatMap((block) => {
    const variable = defineOwnVariable(block, context);
    return variable === null ? [] : [{ block, variable }];
  });
  return () => {
    for (const { block, variable } of defined) {
      const address = addressOf(block, context);
      const { find } = block;
      variable.compute((x) => find(address(x)));
    }
  };
}

function addressOf(block: Geo, context: BuildContext): (x: Exchange) => Uint8Array | null {
  const { source, proxies, recursive } = block;
  const written = source === null ? null : knownVariable(source, block.node, context);
  const text: Getter =
    written === null ? clientAddress : source === 'upstream_last_addr' ? hostOf(written) : written;
  if (proxies.length === 0) return (x) => bytesOf(text(x));
  const rules = { isTrusted: (address: string) => isInAny(address, proxies), recursive };
  return (x) => {
    const own = text(x) ?? '';
    if (bytesOf(own) === null) return null;
    const lines = x.request.fields.all('x-forwarded-for');
    return bytesOf(forwardedAddress(own, lines, rules)?.address ?? own);
  };
}

// The one address among variables that has its port with it.
function hostOf(written: Getter): Getter {
  return (x) => parseHostPort(written(x) ?? '')?.host ?? null;
}

// A link-local address has its zone with it.
function clientAddress(x: Exchange): string {
  return x.remoteAddress.split('%')[0] ?? '';
}

function bytesOf(text: string | null): Uint8Array | null {
  return text === null || text.includes('%') ? null : addressBytes(text);
}

export const geoModule: Module = { name: 'geo', directives: [geo], define };
