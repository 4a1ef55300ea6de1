// `geo` beside real nginx, and its tables beside ones that simply look at every entry.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { isWithin, parseNetwork, type Network } from '../src/base/network.ts';
import { NetworkTableBuilder } from '../src/base/network-table.ts';
import { formatDiagnostic, loadConfig } from '../src/index.ts';
import { GeoRanges, type AddressRange } from '../src/modules/geo-ranges.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  fs.writeFileSync(`${site.folder}/more.geo`, '192.0.2.0/24 included;\n192.0.2.7 one;\n');
  return text(site);
}

const text = ({ port }: Site): string =>
  `
events {}
http {
  geo $by_client {
    default outside;
    127.0.0.1 me;
    127.0.0.0/8 loopback;
    ::1 me6;
  }
  geo $arg_ip $networks {
    default outside;
    10.0.0.0/8 ten;
    10.1.0.0/16 ten-one;
    10.1.2.0/24 ten-one-two;
    10.1.2.3 host;
    10.128.0.0/9 upper;
    172.16.5.4/12 untidy;
    include more.geo;
    2001:db8::/32 doc;
    2001:db8:1::/48 doc-one;
    2001:db8:1::7 doc-host;
    ::/1 low6;
    198.51.100.0/24 deleted;
    delete 198.51.100.0/24;
    203.0.113.0/24 first;
    203.0.113.0/24 second;
    255.255.255.255 none;
    $x literal;
  }
  geo $arg_ip $no_default { 10.0.0.0/8 ten; 0.0.0.0/1 half; }
  geo $arg_ip $slash_zero { 0.0.0.0/0 all4; ::/0 all6; 10.0.0.0/8 "$uri"; }
  geo $arg_ip $ranges {
    ranges;
    default outside;
    10.0.0.0-10.255.255.255 ten;
    10.1.0.0-10.1.255.255 ten-one;
    10.1.2.3-10.1.2.3 host;
    10.2.0.0-10.3.0.255 across;
    192.168.0.0-192.168.0.99 low;
    192.168.0.100-192.168.0.199 high;
    192.168.1.0-192.168.1.9 gone;
    delete 192.168.1.0-192.168.1.9;
    172.16.0.0-172.16.0.9 first;
    172.16.0.0-172.16.0.9 second;
    255.255.255.254-255.255.255.254 last;
  }
  geo $proxied {
    default outside;
    proxy 127.0.0.0/8;
    proxy 10.0.0.0/8;
    10.0.0.0/8 inner;
    192.0.2.0/24 client;
    127.0.0.0/8 me;
    2001:db8::/32 six;
  }
  geo $recursive {
    default outside;
    proxy 127.0.0.0/8;
    proxy 10.0.0.0/8;
    proxy 2001:db8:1::/48;
    proxy_recursive;
    10.0.0.0/8 inner;
    192.0.2.0/24 client;
    127.0.0.0/8 me;
    2001:db8::/32 six;
  }
  geo $kept { default x; 127.0.0.1 me; }
  server {
    listen 127.0.0.1:${port};
    location /client { return 200 "$by_client"; }
    location /networks { return 200 "[$networks][$no_default][$slash_zero]"; }
    location /ranges { return 200 "$ranges"; }
    location /proxied { return 200 "[$proxied][$recursive]"; }
    location /set { set $kept mine; return 200 "$kept"; }
  }
}`.replace('    $x literal;\n', '');

const addresses = [
  '10.0.0.0',
  '10.1.0.0',
  '10.1.2.3',
  '10.1.2.4',
  '10.1.255.255',
  '10.2.0.0',
  '10.3.0.255',
  '10.3.1.0',
  '10.127.255.255',
  '10.128.0.0',
  '10.255.255.255',
  '9.255.255.255',
  '11.0.0.0',
  '172.15.255.255',
  '172.16.0.0',
  '172.16.0.9',
  '172.16.0.10',
  '172.31.255.255',
  '192.0.2.6',
  '192.0.2.7',
  '192.168.0.99',
  '192.168.0.100',
  '192.168.1.5',
  '198.51.100.1',
  '203.0.113.9',
  '0.0.0.0',
  '127.255.255.255',
  '128.0.0.0',
  '255.255.255.254',
  '255.255.255.255',
  '2001:db8::1',
  '2001:db8:1::1',
  '2001:db8:1::7',
  '2001:DB8:1:0::7',
  '2001:db9::',
  '::1',
  '8000::',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '::ffff:10.1.2.3',
  '::ffff:a01:203',
  '',
  'nonsense',
  '10.1.2',
  '10.1.2.3.4',
  '10.1.2.256',
  '10.1.2.3:80',
  '[::1]',
  'fe80::1%25lo',
];

const forwarded = [
  '192.0.2.1',
  '192.0.2.1, 10.0.0.1',
  '192.0.2.1,10.0.0.1',
  '192.0.2.1 10.0.0.1',
  '203.0.113.1, 192.0.2.1, 10.0.0.1',
  '10.0.0.2, 10.0.0.1',
  '192.0.2.1:8080',
  '2001:db8::1',
  '[2001:db8::1]:8080',
  '[2001:db8::1]',
  '192.0.2.9, 2001:db8:1::1',
  'nonsense',
  'nonsense, 10.0.0.1',
  '192.0.2.1, nonsense',
  '192.0.2.1, ',
  '192.0.2.1:0',
  '192.0.2.1:x',
  '192.0.2.1,,10.0.0.1',
];

const requests: ComparedRequest[] = [
  { path: '/client' },
  { path: '/set' },
  ...addresses.flatMap((ip) => [{ path: `/networks?ip=${ip}` }, { path: `/ranges?ip=${ip}` }]),
  { path: '/proxied' },
  ...forwarded.map((value) => ({
    name: `X-Forwarded-For: ${value}`,
    path: '/proxied',
    headers: { 'X-Forwarded-For': value },
  })),
  {
    path: '/proxied',
    headers: { 'X-Forwarded-For': ',192.0.2.1 ,' },
    differs: 'nginx takes a separator at the very beginning for part of the address',
  },
  ...[
    ['192.0.2.1', '10.0.0.1'],
    ['10.0.0.1', '192.0.2.1'],
    ['192.0.2.1', 'nonsense'],
    ['192.0.2.1', ''],
    ['192.0.2.2, 10.0.0.3', '10.0.0.1, 10.0.0.2'],
  ].map((lines) => ({
    name: `X-Forwarded-For: ${lines.join(' | ')}`,
    raw: `GET /proxied HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines
      .map((line) => `X-Forwarded-For: ${line}\r\n`)
      .join('')}\r\n`,
  })),
];

test('geo chooses what nginx chooses', { skip, timeout: 60_000 }, async (t) => {
  const comparison = { proxy: proxyStarter, config, requests, scope: t };
  assertSameAsNginx(await compareWithNginx(comparison));
});

/** Blocks in `http` that nginx refuses, or accepts with a warning. */
const faulty: readonly string[] = [
  'geo a { }',
  'geo $a b { }',
  'geo a $b { }',
  'geo $uri { }',
  'geo { }',
  'geo $a $b $c { }',
  'geo $a { 10.0.0.0/8; }',
  'geo $a { 10.0.0.0/8 a b; }',
  'geo $a { 10.0.0.0/33 a; }',
  'geo $a { 10.0.0/8 a; }',
  'geo $a { 10.0.0.0/255.0.0.0 a; }',
  'geo $a { ::/129 a; }',
  'geo $a { nonsense a; }',
  'geo $a { proxy nonsense; }',
  'geo $a { delete nonsense; }',
  'geo $a { default x; ranges; }',
  'geo $a { 10.0.0.0/8 x; ranges; }',
  'geo $a { ranges; 10.0.0.0/8 x; }',
  'geo $a { ranges; 10.0.0.1-10.0.0.0 x; }',
  'geo $a { ranges; 10.0.0.1- x; }',
  'geo $a { ranges; ::1-::2 x; }',
  'geo $a { ranges; 10.0.0.1-255.255.255.255 x; }',
  'geo $a { ranges; delete nonsense; }',
  'geo $a { ranges; 10.0.0.0-10.0.0.9 x; 10.0.0.5-10.0.0.20 y; }',
  'geo $a { ranges; 10.0.0.5-10.0.0.9 x; 10.0.0.0-10.0.0.20 y; }',
  'geo $a { ranges; 10.0.0.1-10.0.0.2 a; 10.0.0.5-10.0.0.9 x; 10.0.0.0-10.0.0.20 y; }',
  'geo $a { ranges; 10.0.0.5-10.2.0.9 x; 10.1.0.0-10.3.0.0 y; }',
  'geo $a { 10.1.0.0/8 x; }',
  'geo $a { 10.0.0.0/8 x; 10.0.0.0/8 y; }',
  'geo $a { default x; default y; }',
  'geo $a { delete 10.0.0.0/8; }',
  'geo $a { ranges; delete 10.0.0.0-10.0.0.9; }',
  'geo $a { ranges; 10.0.0.0-10.0.0.9 a; 10.0.0.0-10.0.0.9 b; }',
  'geo $a { ranges; default a; default b; }',
];

test('what geo refuses or warns of, and in which words, is as in nginx', { skip }, async (t) => {
  for (const block of faulty) {
    const folder = tempFolder(t);
    const conf = `events {}\nhttp {\n${block}\n}\n`;
    const theirs = checkConfig(conf, { folder });
    const words = theirs.messages
      .map((line) => /^\[(?:emerg|warn)\] (.*) in nginx\.conf:(\d+)$/.exec(line))
      .flatMap((match) => (match === null ? [] : [`${match[1] ?? ''} in 3`]));
    assert.ok(words.length > 0, `${block}: ${theirs.messages.join('\n')}`);
    const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
    assert.equal(loaded.ok, theirs.ok, block);
    const ours = loaded.diagnostics.map(
      (one) => `${one.message} in ${one.at === null ? '-' : one.at.line}`,
    );
    for (const line of words) {
      assert.ok(
        ours.includes(line),
        `${block}\nnginx: ${words.join('\n')}\n${loaded.diagnostics.map((one) => formatDiagnostic(one)).join('\n')}`,
      );
    }
  }
});

// Few different bits, so that networks often lie in each other and addresses in networks.
const byte = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 128, 255) },
  { weight: 1, arbitrary: fc.nat(255) },
);

function networkOf(length: 4 | 16): fc.Arbitrary<Network> {
  return fc
    .tuple(fc.array(byte, { minLength: length, maxLength: length }), fc.nat(length * 8))
    .map(([bytes, bits]) => {
      const text =
        length === 4
          ? bytes.join('.')
          : Array.from({ length: 8 }, (_, i) =>
              ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
            ).join(':');
      const network = parseNetwork(`${text}/${bits}`);
      assert.ok(network !== null);
      return network;
    });
}

for (const length of [4, 16] as const) {
  test(`a table of networks of ${length} bytes finds what a search of all finds`, () => {
    const change = fc.record({
      network: networkOf(length),
      kind: fc.constantFrom('set', 'set', 'set', 'delete'),
    });
    const address = fc.array(byte, { minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 30 }),
        fc.array(address, { minLength: 20, maxLength: 20 }),
        (changes, addresses) => {
          const builder = new NetworkTableBuilder<number>();
          const naive: { network: Network; value: number }[] = [];
          const edges: number[][] = [];
          changes.forEach(({ network, kind }, i) => {
            const at = naive.findIndex((one) => sameNetwork(one.network, network));
            if (kind === 'delete') {
              assert.equal(builder.delete(network), at !== -1);
              if (at !== -1) naive.splice(at, 1);
              return;
            }
            assert.equal(builder.set(network, i), naive[at]?.value);
            if (at !== -1) naive.splice(at, 1);
            naive.push({ network, value: i });
            edges.push(...edgesOf(network));
          });
          const table = builder.build(length);
          for (const one of [...addresses, ...edges]) {
            const bytes = Uint8Array.from(one);
            const wanted = naive
              .filter(({ network }) => isWithin(bytes, network))
              .sort((a, b) => b.network.bits - a.network.bits)[0]?.value;
            assert.equal(table.find(bytes), wanted);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
}

function sameNetwork(a: Network, b: Network): boolean {
  return a.bits === b.bits && Buffer.compare(a.bytes, b.bytes) === 0;
}

/** First and last address of a network, and those just outside. */
function edgesOf({ bytes, bits }: Network): number[][] {
  const length = bytes.length;
  const first = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const behind = first + (1n << BigInt(length * 8 - bits));
  const top = 1n << BigInt(length * 8);
  return [first - 1n, first, behind - 1n, behind]
    .filter((one) => one >= 0n && one < top)
    .map((one) => [...Buffer.from(one.toString(16).padStart(length * 2, '0'), 'hex')]);
}

const edge = fc.oneof(
  fc.nat(300_000),
  fc.constantFrom(0, 65_535, 65_536, 131_071, 131_072, 0xfffffffe),
);

test('ranges find what a search of all finds', () => {
  const change = fc.record({
    ends: fc.tuple(edge, edge),
    kind: fc.constantFrom('add', 'add', 'add', 'delete'),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const ranges = new GeoRanges();
      const naive = new NaiveRanges();
      const places = new Set<number>([0, 0xffffffff]);
      changes.forEach(({ ends: [a, b], kind }, i) => {
        // Whole halves are too many for the naive one.
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        if (range.end - range.start > 400_000) return;
        for (const place of [range.start, range.end]) {
          places.add(place);
          places.add(Math.max(place - 1, 0));
          places.add(place + 1);
        }
        if (kind === 'delete') {
          assert.equal(ranges.delete(range), naive.delete(range));
          return;
        }
        const { overlaps } = ranges.add(range, String(i));
        assert.equal(overlaps === null, naive.add(range, String(i)));
      });
      for (const place of places) assert.equal(ranges.find(place), naive.find(place));
    }),
    { numRuns: 500 },
  );
});

/** What was added last and not deleted, piece by piece of 65,536 addresses. */
class NaiveRanges {
  #pieces: (AddressRange & { value: string })[] = [];

  add(range: AddressRange, value: string): boolean {
    for (const part of parts(range)) {
      const met = this.#pieces.filter((one) => one.start <= part.end && one.end >= part.start);
      const [known] = met;
      if (known !== undefined) {
        if (met.length > 1 || known.start > part.start || known.end < part.end) return false;
        this.#pieces.splice(this.#pieces.indexOf(known), 1);
        const { start, end } = known;
        if (start < part.start) this.#pieces.push({ ...known, end: part.start - 1 });
        if (end > part.end) this.#pieces.push({ ...known, start: part.end + 1 });
      }
      this.#pieces.push({ ...part, value });
    }
    return true;
  }

  delete(range: AddressRange): boolean {
    let all = true;
    for (const part of parts(range)) {
      const at = this.#pieces.findIndex((one) => one.start === part.start && one.end === part.end);
      if (at === -1) all = false;
      else this.#pieces.splice(at, 1);
    }
    return all;
  }

  find(address: number): string | undefined {
    return this.#pieces.find((one) => one.start <= address && address <= one.end)?.value;
  }
}

function parts({ start, end }: AddressRange): AddressRange[] {
  const found: AddressRange[] = [];
  for (let from = start; from <= end;) {
    const to = Math.min(end, Math.floor(from / 65_536) * 65_536 + 65_535);
    found.push({ start: from, end: to });
    from = to + 1;
  }
  return found;
}
