/** Attacks by what no client says: one thing after the other, each over a connection of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import {
  BATCH,
  FRAME,
  MAX_QUEUES_PER_TOPIC,
  makeFrame,
  OPCODE,
  REPLICA_OPCODE,
  REPLICA_SUBPROTOCOL,
  writeUint32,
} from '../../native-free/wire/index.js';
import { helloFrame, makeBatch, produceFrame, requestFrame } from '../transport/make-batch.js';
import { type Attack, HEALTHY_TOPIC, repeated, WIDE_TOPIC } from './attack-tools.js';
import { RawPeer, upgradeRequest, WS_OPCODE, wsFrame } from './raw-peer.js';

const CONNECTIONS = 8;
/** So long the broker may take to end a connection before the next one comes. */
const PATIENCE_MS = 50;

export interface OddWords {
  readonly pieces: readonly (readonly Uint8Array[])[];
  /** Default true: said before. */
  readonly hello?: boolean;
  readonly protocol?: string;
}

/** Says the first over one connection, the second over the next, and so on. */
function eachOf(words: OddWords): Attack {
  return async ({ port, goesOn }) => {
    let at = 0;
    const one = async (): Promise<void> => {
      while (goesOn()) {
        const peer = await say(words, at++, port);
        await Promise.race([peer.until(() => peer.isClosed), sleep(PATIENCE_MS)]);
        peer.destroy();
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, () => one().catch(() => {})));
  };
}

/** The same bytes each time. */
function noise(length: number, seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}

/** A WebSocket header as it stands here, and a key of zeros. */
function rawHeader(first: number, second: number, ...rest: number[]): Buffer {
  return Buffer.from([first, second, ...rest, 0, 0, 0, 0]);
}

const FIN = 0x80;
const MASKED = 0x80;
const PING = makeFrame(OPCODE.ping, 7);

/** What RFC 6455 forbids, or allows and nobody does. */
const ODD_FRAMES: readonly (readonly Uint8Array[])[] = [
  // Compressed, and with the other reserved bits.
  ...[0x40, 0x20, 0x10, 0x70].map((bits) => [wsFrame(PING, { opcode: WS_OPCODE.binary | bits })]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [wsFrame(PING, { opcode })]),
  // Control frames in fragments, and too long.
  ...[WS_OPCODE.close, WS_OPCODE.ping, WS_OPCODE.pong].flatMap((opcode) => [
    [wsFrame(new Uint8Array(2), { opcode, fin: false })],
    [wsFrame(new Uint8Array(126), { opcode })],
    [wsFrame(new Uint8Array(70_000), { opcode })],
  ]),
  // A continuation of nothing; a message in another.
  [wsFrame(PING, { opcode: WS_OPCODE.continuation })],
  [wsFrame(PING, { fin: false }), wsFrame(PING)],
  [wsFrame(PING, { fin: false }), wsFrame(PING, { opcode: WS_OPCODE.text })],
  // Lengths of 64 bits: the largest, a negative one, beyond what a number holds, 4 GiB, and 5 where one byte
  // would do.
  [rawHeader(FIN | 2, MASKED | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255)],
  [rawHeader(FIN | 2, MASKED | 127, 0xff, 255, 255, 255, 255, 255, 255, 255)],
  [rawHeader(FIN | 2, MASKED | 127, 0, 0x20, 0, 0, 0, 0, 0, 1)],
  [rawHeader(FIN | 2, MASKED | 127, 0, 0, 0, 1, 0, 0, 0, 0), Buffer.alloc(60_000)],
  [rawHeader(FIN | 2, MASKED | 127, 0, 0, 0, 0, 0, 0, 0, 5), Buffer.alloc(5)],
  [rawHeader(FIN | 2, MASKED | 126, 0, 5), Buffer.alloc(5)],
  [rawHeader(2, MASKED | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255), Buffer.alloc(60_000)],
  // Closes: half a code, codes that may not be sent, a reason that is no UTF-8.
  ...[[3], [0, 0], [3, 231], [3, 237], [3, 238], [3, 247], [19, 136], [255, 255], [3, 232, 0xff, 0xc0]].map(
    (payload) => [wsFrame(Uint8Array.from(payload), { opcode: WS_OPCODE.close })],
  ),
  [wsFrame(PING, { masked: false })],
  [wsFrame(Buffer.alloc(0)), wsFrame(Buffer.alloc(0)), wsFrame(Buffer.alloc(0), { opcode: WS_OPCODE.text })],
  [wsFrame(Buffer.from([0xc0, 0x80, 0xff]), { opcode: WS_OPCODE.text })],
];

/** Every opcode there may be, with noise behind it. */
const OPCODES = Array.from({ length: 256 }, (_, opcode) => [
  wsFrame(makeFrame(opcode, opcode, { value: 2 ** 52, payload: noise(opcode * 7, opcode + 1) })),
]);
/** The fixed header with each of its bytes wrong. */
const ODD_HEADERS = Array.from({ length: 64 }, (_, at) => {
  const bytes = Buffer.from(makeFrame((at % 13) + 1, 7, { payload: noise(at, at + 1) }));
  bytes[at % 16] = 255;
  return [wsFrame(bytes)];
});

const PACKR = new Packr({ useRecords: false });
const MAP_OF_ONE = Buffer.from([0x81, 0xa1, 0x61]);

/** MessagePack that is none, or that asks for much. */
const ODD_PAYLOADS: readonly Buffer[] = [
  // Extension types: of the decoder itself, time stamps, and of a length of 4 GiB.
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xd4, 0x72, 0x40])]),
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xd6, 0xff, 0, 0, 0, 0])]),
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xc7, 4, 0x70, 1, 2, 3, 4])]),
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xc9, 255, 255, 255, 255, 0x65])]),
  // Maps, lists, texts and binaries of four billion.
  ...[0xdf, 0xdd, 0xdb, 0xc6].map((type) =>
    Buffer.concat([MAP_OF_ONE, Buffer.from([type, 255, 255, 255, 255])]),
  ),
  ...[0xdf, 0xdd].map((type) => Buffer.from([type, 255, 255, 255, 255])),
  Buffer.concat([MAP_OF_ONE, Buffer.alloc(200_000, 0x91), Buffer.from([0xc0])]),
  Buffer.concat([MAP_OF_ONE, ...Array.from({ length: 100_000 }, () => MAP_OF_ONE), Buffer.from([0xc0])]),
  Buffer.from([0xc1]),
  Buffer.from([0x81]),
  Buffer.from([0xc0]),
  Buffer.alloc(0),
  // Keys that reach a prototype, that are no texts, that come twice.
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'method'].map((key) =>
    PACKR.pack(new Map([[key, { method: 'listTopics', polluted: true }]])),
  ),
  Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from('__proto__'), Buffer.from([0x81, 0xa1, 0x78, 1])]),
  Buffer.concat([Buffer.from([0x81, 0xd9, 9]), Buffer.from('__proto__'), Buffer.from([0x90])]),
  Buffer.from([0x82, 0x01, 0x02, 0x90, 0x03]),
  Buffer.concat([
    Buffer.from([0xde, 0x01, 0x00]),
    ...Array.from({ length: 256 }, () => Buffer.from([0xa1, 0x61, 1])),
  ]),
  // Numbers that are none, or too large.
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0])]),
  Buffer.concat([MAP_OF_ONE, Buffer.from([0xcf, 255, 255, 255, 255, 255, 255, 255, 255])]),
  ...Array.from({ length: 32 }, (_, seed) => noise(300, seed + 1)),
];

const ODD_NUMBERS: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 63),
  2n ** 64n - 1n,
  'x',
  null,
  [],
  {},
];

function consumerFrames(requests: readonly (readonly [string, object])[]): Uint8Array[] {
  const join = { consumer: 1, group: 'odd', topic: HEALTHY_TOPIC, from: 'earliest' };
  return [
    wsFrame(requestFrame(1, 'join', join)),
    ...requests.map(([method, params], i) =>
      wsFrame(requestFrame(i + 2, method, { consumer: 1, ...params })),
    ),
  ];
}

/** Credit, flow, seeks, commits and releases of numbers that no queue has. */
const ODD_CONSUMERS = ODD_NUMBERS.map((number) =>
  consumerFrames([
    ['flow', { queues: [{ queueId: 0, generation: 1, offset: number }] }],
    ['flow', { queues: [{ queueId: number, generation: number, offset: null }] }],
    ['seek', { queues: [{ queueId: 0, generation: 1 }], to: { offset: number } }],
    ['seek', { queues: [{ queueId: number, generation: 1 }], to: { time: number } }],
    ['commit', { offsets: [{ queueId: 0, generation: 1, offset: number }] }],
    ['commit', { offsets: [{ queueId: 0, generation: number, offset: 5 }] }],
    ['released', { queues: [{ queueId: number, generation: number }] }],
    ['skipDamage', { queueId: number, generation: number }],
    ['reportDamage', { queueId: 0, generation: 1, offset: number }],
    ['reportDamage', { queueId: number, generation: number, offset: 0 }],
    ['join', { consumer: number, group: 'odd', topic: HEALTHY_TOPIC, from: { time: number } }],
    ['leave', { consumer: number }],
  ]),
);

function credit(value: number[]): Buffer {
  const bytes = Buffer.from(makeFrame(OPCODE.credit, 1));
  bytes.set(value, FRAME.value);
  return wsFrame(bytes);
}

const ODD_CREDIT = [
  [255, 255, 255, 255, 255, 255, 255, 255],
  [0, 0, 0, 0, 0, 0, 0x20, 0],
  [0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
].map((value) => [...consumerFrames([]), repeated(credit(value), 100)]);

/** Joins as large as may be: of keys nobody knows, of filters, of lists. */
const ODD_JOINS: readonly object[] = [
  Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`meta-${i}`, 'x'.repeat(60)])),
  Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`meta-${i}`, i])),
  { filter: Array.from({ length: 64 }, (_, i) => `tag-${i}`.padEnd(127, 'x')).join(' || ') },
  { filter: Array.from({ length: 5_000 }, (_, i) => `t${i}`).join('||') },
  { filter: '|'.repeat(16_000) },
  { filter: ' '.repeat(4_000_000) },
  { filter: '('.repeat(16_000) },
  { filter: 'a'.repeat(16_000) },
  { filter: '\u0000\ud83d\ude00' },
  { group: 'g'.repeat(4_000_000) },
  { memberId: 'm'.repeat(100_000) },
  { topic: '%'.repeat(200) },
  { group: null, queueIds: Array.from({ length: MAX_QUEUES_PER_TOPIC }, () => 0) },
  { group: null, queueIds: Array.from({ length: MAX_QUEUES_PER_TOPIC }, () => 'x') },
  { group: null, queueIds: Array.from({ length: 100_000 }, (_, i) => i) },
  {
    group: null,
    positions: { topicId: 1, queues: Array.from({ length: MAX_QUEUES_PER_TOPIC }, () => ({})) },
  },
  { group: null, positions: { topicId: -1, queues: 'x' } },
  { group: null, positions: [] },
  { onDamage: 'x'.repeat(30_000) },
  { from: { time: -1 } },
  { from: { time: 2 ** 60 } },
  { queueBase: 2 ** 53 },
];

function joins(): Uint8Array[][] {
  return ODD_JOINS.map((changes) => [
    wsFrame(
      requestFrame(1, 'join', { consumer: 1, group: 'odd', topic: WIDE_TOPIC, from: 'latest', ...changes }),
    ),
  ]);
}

/** Batches whose header says something else than what follows. */
const ODD_BATCHES = [
  ...[0, 2, 65_535, 4_000_000_000].map((count) => lying(BATCH.recordCount, count)),
  ...[0, 63, 64, 100_000, 4_294_967_295].map((length) => lying(BATCH.length, length)),
  ...[BATCH.topicId, BATCH.queueId, BATCH.producerEpoch, BATCH.sequence, BATCH.bodyCrc].map((field) =>
    lying(field, 4_294_967_295),
  ),
].map((batch) => [
  wsFrame(requestFrame(1, 'topicMetadata', { topic: HEALTHY_TOPIC })),
  ...Array.from({ length: 20 }, (_, i) => wsFrame(produceFrame(i, batch))),
]);

function lying(field: number, value: number): Uint8Array {
  const batch = makeBatch([{ body: 'x'.repeat(100) }], { topicId: 1 });
  writeUint32(batch, field, value);
  return batch;
}

/** What name servers are asked, at a broker. */
const NAME_SERVER_WORDS = [
  'registerBroker',
  'registerTopics',
  'route',
  'topicRoute',
  'topicChanges',
  'clusterStatus',
].map((method) => [
  repeated(
    wsFrame(
      requestFrame(1, method, { cluster: 'c', topics: Array.from({ length: 900 }, (_, i) => `t${i}`) }),
    ),
    100,
  ),
]);

/** The first words of a slave, by strangers: the right ones, wrong ones, and all of them. */
const SLAVE_WORDS = [
  [wsFrame(makeFrame(REPLICA_OPCODE.nonce, 0, { payload: noise(32, 5) }))],
  [
    wsFrame(makeFrame(REPLICA_OPCODE.nonce, 0, { payload: noise(32, 6) })),
    wsFrame(makeFrame(REPLICA_OPCODE.proof, 0, { payload: noise(32, 7) })),
  ],
  [repeated(wsFrame(makeFrame(REPLICA_OPCODE.nonce, 0, { payload: noise(32, 8) })), 1_000)],
  [wsFrame(noise(4_000, 9))],
  [wsFrame(noise(60_000, 10))],
  [wsFrame(Buffer.alloc(0))],
  [wsFrame(helloFrame())],
  ...Array.from({ length: 32 }, (_, opcode) => [
    wsFrame(makeFrame(opcode, 0, { payload: noise(64, opcode + 1) })),
  ]),
];

const requests = (hello: boolean): Uint8Array[][] =>
  ODD_PAYLOADS.map((payload) => [wsFrame(makeFrame(hello ? OPCODE.request : OPCODE.hello, 1, { payload }))]);

/** Each a list of what is said over one connection. */
export const ODD_WORDS: Record<string, OddWords> = {
  'frames that RFC 6455 forbids': { pieces: ODD_FRAMES },
  'opcodes from 0 to 255': { pieces: OPCODES },
  'opcodes before the hello': { pieces: OPCODES, hello: false },
  'opcodes after the close': {
    pieces: OPCODES.map((frames) => [wsFrame(new Uint8Array(2), { opcode: WS_OPCODE.close }), ...frames]),
  },
  'frame headers that are wrong': { pieces: ODD_HEADERS },
  'MessagePack that is odd': { pieces: requests(true) },
  'hellos that are odd': { pieces: requests(false), hello: false },
  'numbers that are odd': { pieces: ODD_CONSUMERS },
  'credit that is odd': { pieces: ODD_CREDIT },
  'joins that are odd': { pieces: joins() },
  'batches that lie': { pieces: ODD_BATCHES },
  'one request id for all': {
    pieces: [[repeated(wsFrame(requestFrame(7, 'topicMetadata', { topic: 'x' })), 5_000)]],
  },
  'words for name servers': { pieces: NAME_SERVER_WORDS },
  'slaves that are none': { pieces: SLAVE_WORDS, hello: false, protocol: REPLICA_SUBPROTOCOL },
};

export const ODD_ATTACKS: Record<string, Attack> = Object.fromEntries(
  Object.entries(ODD_WORDS).map(([name, words]) => [name, eachOf(words)]),
);

/** A connection over which the `at`th piece was written. */
export async function say(
  { pieces, hello = true, protocol }: OddWords,
  at: number,
  port: number,
): Promise<RawPeer> {
  const changes = protocol === undefined ? {} : { 'Sec-WebSocket-Protocol': protocol };
  const peer = await RawPeer.open(port, upgradeRequest(changes));
  const piece = pieces[at % pieces.length] as readonly Uint8Array[];
  peer.write(Buffer.concat([...(hello ? [wsFrame(helloFrame())] : []), ...piece]));
  return peer;
}
