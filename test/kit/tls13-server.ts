// A server of TLS 1.3 that shows a chain and signs with whatever key it was given: with the right
// one it is in order, with another it is the attacker who has copied a certificate. It knows one
// suite and one group, and checks nothing of the client.

import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  sign,
} from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { message, messageTypes, record, takeRecords } from './handshake-bytes.ts';
import type { Scope } from './scope.ts';
import { listenForPeer, page, type Peer } from './tls-peers.ts';
import {
  RecordKeys,
  finished,
  handshakeSecret,
  masterSecret,
  nextTrafficSecret,
  sha256,
  trafficSecret,
} from './tls13-secrets.ts';

/** What may be sent once the handshake is over. */
export interface Tls13Sender {
  /** One record of application data. */
  data(content: Buffer): void;
  /** One KeyUpdate. @param requested - the other side is to update its keys as well */
  updateKeys(requested: boolean): void;
}

export interface Tls13Server {
  readonly chain: readonly X509Certificate[];
  /** P-256. Signs the handshake. */
  readonly key: KeyObject;
  /** Bytes that it sends, encrypted, before its Finished message, as if they were an answer. */
  readonly tooEarly?: string;
  /** Bytes that it sends in clear right after its ServerHello. */
  readonly inClear?: string;
  /** Answers requests in place of the page. */
  readonly answer?: (sender: Tls13Sender) => void;
}

const types = { handshake: 22, applicationData: 23 };
const x25519 = 0x001d;
const ecdsaP256Sha256 = 0x0403;

/** Starts one; it answers each request with the page. */
export async function tls13Peer(options: Tls13Server, scope: Scope): Promise<Peer> {
  let saw = false;
  const server = createServer((socket) => {
    const session = new Session(socket, options, () => (saw = true));
    socket.on('data', (chunk: Buffer) => session.feed(chunk));
  });
  return { address: await listenForPeer(server, scope), sawRequest: () => saw };
}

class Session implements Tls13Sender {
  readonly #socket: Socket;
  readonly #options: Tls13Server;
  readonly #onRequest: () => void;
  #bytes: Buffer = Buffer.alloc(0);
  #transcript: Buffer = Buffer.alloc(0);
  /** The client's keys: of the handshake until its Finished, then of the application. */
  #readKeys: RecordKeys | null = null;
  #nextReadKeys: RecordKeys | null = null;
  #readSecret: Buffer = Buffer.alloc(0);
  #writeKeys: RecordKeys | null = null;
  #writeSecret: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, options: Tls13Server, onRequest: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#onRequest = onRequest;
  }

  feed(chunk: Buffer): void {
    const { records, rest } = takeRecords(Buffer.concat([this.#bytes, chunk]));
    this.#bytes = rest;
    for (const one of records) {
      if (one.type === types.handshake && this.#readKeys === null) this.#answerHello(one.payload);
      else if (one.type === types.applicationData) this.#read(one.whole);
    }
  }

  #read(whole: Buffer): void {
    const content = this.#readKeys?.open(whole);
    if (content === undefined) return;
    const type = content.at(-1);
    if (type === types.handshake && this.#nextReadKeys !== null) {
      this.#readKeys = this.#nextReadKeys;
      this.#nextReadKeys = null;
    } else if (type === types.handshake && content.at(0) === messageTypes.keyUpdate) {
      this.#readSecret = nextTrafficSecret(this.#readSecret);
      this.#readKeys = new RecordKeys(this.#readSecret);
    } else if (type === types.applicationData) {
      this.#onRequest();
      const { answer } = this.#options;
      if (answer === undefined) this.data(Buffer.from(page));
      else answer(this);
    }
  }

  data(content: Buffer): void {
    this.#send(types.applicationData, content);
  }

  updateKeys(requested: boolean): void {
    this.#send(types.handshake, message(messageTypes.keyUpdate, Buffer.from([Number(requested)])));
    this.#writeSecret = nextTrafficSecret(this.#writeSecret);
    this.#writeKeys = new RecordKeys(this.#writeSecret);
  }

  #send(type: number, content: Buffer): void {
    this.#socket.write(this.#writeKeys?.seal(type, content) ?? Buffer.alloc(0));
  }

  #sendMessage(type: number, body: Buffer): void {
    const whole = message(type, body);
    this.#transcript = Buffer.concat([this.#transcript, whole]);
    this.#send(types.handshake, whole);
  }

  #answerHello(hello: Buffer): void {
    const { sessionId, clientKey } = readHello(hello);
    const own = generateKeyPairSync('x25519');
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey: clientKey });
    const serverHello = message(2, serverHelloBody(sessionId, own.publicKey));
    this.#transcript = Buffer.concat([hello, serverHello]);
    this.#socket.write(record(types.handshake, serverHello));
    const { inClear, tooEarly, chain, key } = this.#options;
    if (inClear !== undefined) this.#socket.write(inClear);
    const secret = handshakeSecret(shared);
    const forServer = trafficSecret(secret, 's hs traffic', this.#transcript);
    this.#readKeys = new RecordKeys(trafficSecret(secret, 'c hs traffic', this.#transcript));
    this.#writeKeys = new RecordKeys(forServer);
    this.#sendMessage(8, Buffer.from([0, 0]));
    this.#sendMessage(11, certificateBody(chain));
    this.#sendMessage(15, certificateVerifyBody(this.#transcript, key));
    if (tooEarly !== undefined) this.#send(types.applicationData, Buffer.from(tooEarly));
    this.#sendMessage(20, finished(forServer, this.#transcript));
    const master = masterSecret(secret);
    this.#writeSecret = trafficSecret(master, 's ap traffic', this.#transcript);
    this.#writeKeys = new RecordKeys(this.#writeSecret);
    this.#readSecret = trafficSecret(master, 'c ap traffic', this.#transcript);
    this.#nextReadKeys = new RecordKeys(this.#readSecret);
  }
}

function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function readHello(hello: Buffer): { sessionId: Buffer; clientKey: KeyObject } {
  const sessionEnd = 39 + hello.readUInt8(38);
  const ciphersEnd = sessionEnd + 2 + hello.readUInt16BE(sessionEnd);
  let at = ciphersEnd + 1 + hello.readUInt8(ciphersEnd) + 2;
  while (at + 4 <= hello.length) {
    const content = hello.subarray(at + 4, at + 4 + hello.readUInt16BE(at + 2));
    if (hello.readUInt16BE(at) === 51) {
      return { sessionId: hello.subarray(39, sessionEnd), clientKey: keyShare(content) };
    }
    at += 4 + content.length;
  }
  throw new Error('the client sent no key share');
}

function keyShare(content: Buffer): KeyObject {
  for (let at = 2; at + 4 <= content.length;) {
    const length = content.readUInt16BE(at + 2);
    if (content.readUInt16BE(at) === x25519) {
      const x = content.subarray(at + 4, at + 4 + length).toString('base64url');
      return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
    }
    at += 4 + length;
  }
  throw new Error('the client sent no key of X25519');
}

function serverHelloBody(sessionId: Buffer, key: KeyObject): Buffer {
  const x = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  const share = Buffer.concat([Buffer.from([0, x25519]), sized(2, x)]);
  const extensions = [
    Buffer.from([0, 43, 0, 2, 3, 4]),
    Buffer.concat([Buffer.from([0, 51]), sized(2, share)]),
  ];
  return Buffer.concat([
    Buffer.from([3, 3]),
    randomBytes(32),
    sized(1, sessionId),
    Buffer.from([0x13, 0x01, 0]),
    sized(2, Buffer.concat(extensions)),
  ]);
}

function certificateBody(chain: readonly X509Certificate[]): Buffer {
  const entries = chain.map((one) =>
    Buffer.concat([sized(3, Buffer.from(one.raw)), Buffer.from([0, 0])]),
  );
  return Buffer.concat([Buffer.from([0]), sized(3, Buffer.concat(entries))]);
}

// RFC 8446, 4.4.3.
function certificateVerifyBody(transcript: Buffer, key: KeyObject): Buffer {
  const content = Buffer.concat([
    Buffer.alloc(64, 0x20),
    Buffer.from('TLS 1.3, server CertificateVerify\0'),
    sha256(transcript),
  ]);
  const scheme = Buffer.alloc(2);
  scheme.writeUInt16BE(ecdsaP256Sha256, 0);
  return Buffer.concat([scheme, sized(2, sign('sha256', content, key))]);
}
