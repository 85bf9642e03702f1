/** The frames in docs/replication-protocol.md are what the code makes. RINGMQ_UPDATE_DOCS=1 writes them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { FollowerSession } from '../../broker/follower/follower-session.js';
import { encodeHeld } from '../../engine/meta/held-codec.js';
import { proofOf } from '../../engine/replica/handshake.js';
import {
  ackFrame,
  ERRORS,
  encodeFacts,
  FACT_FLAG,
  LOG_FRAME_HEADER_BYTES,
  makeFrame,
  REPLICA_FLAG_LAST,
  REPLICA_OPCODE,
  REPLICA_VERSION,
  type ReplicaFacts,
  replicaErrorFrame,
  replicaFrameFault,
  writeFrameHeader,
  writeUint64,
} from '../../native-free/wire/index.js';
import { hexDump } from '../transport/wire-protocol-examples.js';
import { randomOf, SimMaster } from './sim-log.js';

const FILE = fileURLToPath(new URL('../../../docs/replication-protocol.md', import.meta.url));
const BLOCK = /```hex ([\w-]+)\n([\s\S]*?)```/g;

const SECRET = new TextEncoder().encode('0123456789abcdef');
const SLAVE_NONCE = Uint8Array.from({ length: 32 }, (_, i) => i);
const MASTER_NONCE = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

function logFrame(): Uint8Array {
  const master = new SimMaster(randomOf(1), 8192);
  master.open(1, 1_760_000_000_000);
  const frame = new Uint8Array(LOG_FRAME_HEADER_BYTES + master.end);
  writeFrameHeader(frame, REPLICA_OPCODE.log, 0, 0, 0);
  writeUint64(frame, LOG_FRAME_HEADER_BYTES - 16, 0);
  writeUint64(frame, LOG_FRAME_HEADER_BYTES - 8, master.end);
  frame.set(master.bytes.subarray(0, master.end), LOG_FRAME_HEADER_BYTES);
  return frame;
}

function askFrame(): Uint8Array {
  const payload = new Uint8Array(8);
  writeUint64(payload, 0, 4_096);
  return makeFrame(REPLICA_OPCODE.ask, 1, { value: 524_288, payload });
}

const MASTER: ReplicaFacts = {
  start: 0,
  end: 1_048_576,
  spanBytes: 1_048_576,
  flags: FACT_FLAG.syncReplication,
  brokerId: '00112233445566aa',
  epoch: 2,
  epochs: [
    { epoch: 1, position: 0, time: 1_760_000_000_000 },
    { epoch: 2, position: 65_536, time: 1_760_000_100_000 },
  ],
  begin: 524_288,
  committed: 0,
  name: 'a',
  set: 'a',
  cluster: 'default',
};
const SLAVE: ReplicaFacts = { ...MASTER, end: 524_288, flags: 0, begin: 0, name: 'a-slave' };

const examples: Record<string, [note: string, frame: Uint8Array]> = {
  nonce: [
    'nonce: value 1',
    makeFrame(REPLICA_OPCODE.nonce, 0, { value: REPLICA_VERSION, payload: SLAVE_NONCE }),
  ],
  challenge: ['challenge', makeFrame(REPLICA_OPCODE.challenge, 0, { payload: MASTER_NONCE })],
  'proof-slave': [
    'proof of the slave, for these nonces',
    makeFrame(REPLICA_OPCODE.proof, 0, { payload: proofOf(SECRET, 'slave', SLAVE_NONCE, MASTER_NONCE) }),
  ],
  'proof-master': [
    'proof of the master',
    makeFrame(REPLICA_OPCODE.proof, 0, { payload: proofOf(SECRET, 'master', SLAVE_NONCE, MASTER_NONCE) }),
  ],
  hello: ['hello: a-slave has the log up to 524288, of two terms', encodeFacts(REPLICA_OPCODE.hello, SLAVE)],
  welcome: ['welcome: a has it up to 1048576, begin at 524288', encodeFacts(REPLICA_OPCODE.welcome, MASTER)],
  start: ['start: value 524288', makeFrame(REPLICA_OPCODE.start, 0, { value: 524_288 })],
  log: ['log: value 0, committed 0; one control batch, the first of a log', logFrame()],
  ack: ['ack: received 526336, flushed 524288', ackFrame(526_336, 524_288)],
  offsets: [
    'offsets: number 1; group audit has read queue 0 of topic 7 up to 100',
    makeFrame(REPLICA_OPCODE.offsets, 1, {
      payload: encodeHeld([
        { group: 'audit', topicId: 7, createdTime: 1_760_000_000_000, known: true, queues: [0, 100, 0] },
      ]),
    }),
  ],
  taken: ['taken: number 1, value 1048576', makeFrame(REPLICA_OPCODE.taken, 1, { value: 1_048_576 })],
  ask: ['ask: number 1, 4096 bytes at 524288', askFrame()],
  bytes: [
    'bytes: number 1, flag bit 0; there is nothing sound at 524288',
    makeFrame(REPLICA_OPCODE.bytes, 1, { flags: REPLICA_FLAG_LAST, value: 524_288 }),
  ],
  error: [
    'error: id 9, NOT_AUTHENTICATED',
    replicaErrorFrame(ERRORS.NOT_AUTHENTICATED.wire, 'the proof is not right'),
  ],
};

let text = readFileSync(FILE, 'utf8');

function rendered(name: string): string {
  const [note, frame] = examples[name] ?? ['', new Uint8Array(0)];
  return `# ${note}\n${hexDump(frame)}\n`;
}

beforeAll(() => {
  if (process.env['RINGMQ_UPDATE_DOCS'] === '1') {
    text = text.replace(BLOCK, (_block, name: string) => `\`\`\`hex ${name}\n${rendered(name)}\`\`\``);
    writeFileSync(FILE, text);
  }
});

it('its examples are what the code makes, and takes', () => {
  const shown = new Map([...text.matchAll(BLOCK)].map(([, name, content]) => [name as string, content]));
  expect([...shown.keys()].sort()).toEqual(Object.keys(examples).sort());
  for (const [name, content] of shown) {
    expect(content, name).toBe(rendered(name));
    expect(replicaFrameFault((examples[name] as [string, Uint8Array])[1], 1_048_576), name).toBeNull();
  }
});

it('every opcode is in its table, and has an example but for the state', () => {
  const opcodes = new Set(Object.values(examples).map(([, frame]) => frame[0]));
  for (const [name, opcode] of Object.entries(REPLICA_OPCODE)) {
    expect(text).toContain(`| ${opcode} | \`${name}\``);
    expect(opcodes.has(opcode) || name === 'state', name).toBe(true);
  }
});

it('a slave begins as the page says', () => {
  const sent: Uint8Array[] = [];
  const session = new FollowerSession({
    link: { bufferedBytes: 0, send: (frame) => sent.push(frame), pause: () => {}, resume: () => {} },
    log: {
      spanBytes: 1_048_576,
      end: 524_288,
      written: 524_288,
      flushed: 0,
      epoch: 2,
      append: () => true,
      onControl: (_batch, _position, done) => done(),
      onCommitted: () => {},
      wantSync: () => {},
    },
    secrets: () => [SECRET],
    facts: SLAVE,
    catchUpRateBytes: 0,
    now: () => 0,
    later: () => {},
    onFollowing: () => {},
    onTaken: () => {},
    readSound: async () => new Uint8Array(0),
    onRun: () => {},
    onCut: () => {},
  });
  session.begin();
  const nonce = (sent[0] as Uint8Array).slice(16);
  session.onFrame((examples['challenge'] as [string, Uint8Array])[1]);
  expect(sent[1]?.slice(16)).toEqual(proofOf(SECRET, 'slave', nonce, MASTER_NONCE));
  session.onFrame(
    makeFrame(REPLICA_OPCODE.proof, 0, { payload: proofOf(SECRET, 'master', nonce, MASTER_NONCE) }),
  );
  expect(sent[2]).toEqual((examples['hello'] as [string, Uint8Array])[1]);
  session.onFrame((examples['welcome'] as [string, Uint8Array])[1]);
  expect(sent[3]).toEqual((examples['start'] as [string, Uint8Array])[1]);
});
