// Questions and answers of DNS (RFC 1035), as far as the tests' own name server needs them.

/** What a name server may say of a name. Times are seconds. */
export type DnsRecord =
  | { readonly type: 'A'; readonly ttl: number; readonly address: string }
  | { readonly type: 'AAAA'; readonly ttl: number; readonly address: string }
  | { readonly type: 'CNAME'; readonly ttl: number; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly ttl: number;
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    };

/** A question. Types other than those of `DnsRecord` have their number. */
export interface DnsQuestion {
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: string;
}

const typeNumbers: Readonly<Record<DnsRecord['type'], number>> = {
  A: 1,
  CNAME: 5,
  AAAA: 28,
  SRV: 33,
};

/** Where the question section of a message with one question ends. */
function questionEnd(message: Buffer): number {
  let at = 12;
  while ((message[at] ?? 0) !== 0) at += (message[at] ?? 0) + 1;
  return at + 5;
}

/** The first question of a message. */
export function readQuestion(message: Buffer): DnsQuestion {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length !== 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const number = message.readUInt16BE(at + 1);
  const known = Object.entries(typeNumbers).find(([, value]) => value === number);
  return { name: labels.join('.').toLowerCase(), type: known?.[0] ?? String(number) };
}

/** How a message is answered. */
export interface DnsReply {
  /** 0: no error; 2: server failure; 3: no such name; 5: refused. */
  readonly code: number;
  /** With the name that each belongs to. */
  readonly records: readonly { readonly name: string; readonly record: DnsRecord }[];
  /** Says that there is more, to be asked for over TCP. */
  readonly truncated?: boolean;
}

/** The answer to a message. */
export function writeReply(message: Buffer, reply: DnsReply): Buffer {
  const records = reply.truncated === true ? [] : reply.records;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(message.readUInt16BE(0), 0);
  const truncation = reply.truncated === true ? 0x0200 : 0;
  header.writeUInt16BE(0x8180 | truncation | reply.code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  const question = message.subarray(12, questionEnd(message));
  return Buffer.concat([header, question, ...records.map((one) => writeRecord(one))]);
}

function writeRecord({ name, record }: DnsReply['records'][number]): Buffer {
  const data = writeData(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(typeNumbers[record.type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}

function writeData(record: DnsRecord): Buffer {
  if (record.type === 'A') return Buffer.from(record.address.split('.').map(Number));
  if (record.type === 'AAAA') return ipv6Bytes(record.address);
  if (record.type === 'CNAME') return writeName(record.target);
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(record.priority, 0);
  numbers.writeUInt16BE(record.weight, 2);
  numbers.writeUInt16BE(record.port, 4);
  return Buffer.concat([numbers, writeName(record.target)]);
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const bytes = labels.map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
  );
  return Buffer.concat([...bytes, Buffer.from([0])]);
}

function ipv6Bytes(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const groups = (text: string): string[] => text.split(':').filter((one) => one !== '');
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const middle = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...before, ...middle, ...after].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  }
  return bytes;
}
