/** Slaves of somebody else's making at a real master's port: each harms its own connection, and a slave that is one follows on beside them. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { proofOf } from '../../engine/replica/handshake.js';
import type { Client } from '../../native-free/client/index.js';
import {
  ackFrame,
  decodeFacts,
  ERRORS,
  encodeFacts,
  FACT_FLAG,
  FRAME,
  frameId,
  makeFrame,
  REPLICA_OPCODE,
  REPLICA_SUBPROTOCOL,
  REPLICA_VERSION,
  type ReplicaEpoch,
  type ReplicaFacts,
  replicaErrorText,
  type SetStanding,
} from '../../native-free/wire/index.js';
import { ask, until } from './nodes.js';
import { RepairPair } from './repair-pair.js';

const MIB = 1024 * 1024;
const pair = new RepairPair();
let client: Client;
let facts: ReplicaFacts;

/** A slave that speaks as it likes. */
class Forged {
  readonly socket = new WebSocket(`ws://127.0.0.1:${pair.a.port}`, [REPLICA_SUBPROTOCOL]);
  readonly frames: Buffer[] = [];
  why = '';
  isClosed = false;

  constructor() {
    this.socket.on('error', () => undefined);
    this.socket.on('message', (frame: Buffer) => {
      this.frames.push(frame);
      if (frame[FRAME.opcode] === REPLICA_OPCODE.error) {
        this.why = `${codeOf(frame)}: ${replicaErrorText(frame)}`;
      }
    });
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  of(opcode: number): Buffer | undefined {
    return this.frames.find((frame) => frame[FRAME.opcode] === opcode);
  }

  async answer(opcode: number): Promise<Buffer> {
    await until(() => this.of(opcode) !== undefined || this.isClosed);
    return this.of(opcode) ?? Buffer.alloc(0);
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  /** Says hello; the welcome's facts, null where it is refused. */
  async hello(given: Partial<ReplicaFacts>): Promise<ReplicaFacts | null> {
    await once(this.socket, 'open');
    const nonce = new Uint8Array(32).fill(3);
    this.send(makeFrame(REPLICA_OPCODE.nonce, 0, { value: REPLICA_VERSION, payload: nonce }));
    const challenge = await this.answer(REPLICA_OPCODE.challenge);
    const proof = proofOf(new Uint8Array(0), 'slave', nonce, challenge.subarray(16));
    this.send(makeFrame(REPLICA_OPCODE.proof, 0, { payload: proof }));
    await this.answer(REPLICA_OPCODE.proof);
    this.send(encodeFacts(REPLICA_OPCODE.hello, { ...facts, ...given }));
    const welcome = await this.answer(REPLICA_OPCODE.welcome);
    return welcome.length === 0 ? null : decodeFacts(welcome);
  }

  /** A slave with the whole log, to which the log flows. */
  async follow(given: Partial<ReplicaFacts> = {}): Promise<number> {
    const welcome = await this.hello(given);
    const begin = welcome?.begin ?? -1;
    this.send(makeFrame(REPLICA_OPCODE.start, 0, { value: begin }));
    await this.answer(REPLICA_OPCODE.log);
    return begin;
  }

  async ended(): Promise<string> {
    await until(() => this.isClosed);
    return this.why;
  }
}

const codeOf = (frame: Uint8Array): string =>
  Object.entries(ERRORS).find(([, { wire }]) => wire === frameId(frame))?.[0] ?? '';
const standing = async (): Promise<SetStanding> =>
  (await ask(`ws://127.0.0.1:${pair.a.port}`, 'standing')) as SetStanding;
const slaves = async (): Promise<string[]> =>
  (await standing()).replicas.filter(({ connected }) => connected).map(({ name }) => name);

beforeAll(async () => {
  await pair.fill();
  client = pair.client(pair.a);
  // What an honest slave would say of itself.
  const probe = new Forged();
  facts = { ...({} as ReplicaFacts), ...emptyFacts() };
  const welcome = await probe.hello({});
  probe.socket.terminate();
  facts = { ...(welcome as ReplicaFacts), flags: 0, begin: 0, name: 'forged' };
});
afterAll(() => pair.remove());

function emptyFacts(): ReplicaFacts {
  const none = { start: 0, end: 0, spanBytes: 0, epoch: 0, epochs: [], begin: 0, committed: 0 };
  return {
    ...none,
    flags: FACT_FLAG.isNew,
    brokerId: '0'.repeat(16),
    name: 'probe',
    set: 'a',
    cluster: 'default',
  };
}

it('whoever acks what was never sent, or takes back what was acked, is ended, and counts for nothing', async () => {
  const beyond = new Forged();
  const end = await beyond.follow();
  beyond.send(ackFrame(end + 64 * MIB, 0));
  expect(await beyond.ended()).toMatch(/^BAD_FRAME: it has received/);
  const back = new Forged();
  await back.follow();
  back.send(ackFrame(end, end));
  await until(async () => (await slaves()).includes('forged'));
  back.send(ackFrame(end - 64, end - 64));
  expect(await back.ended()).toMatch(/^BAD_FRAME: it has received/);
  const flushed = new Forged();
  await flushed.follow();
  flushed.send(ackFrame(end - 64, end));
  expect(await flushed.ended()).toMatch(/^BAD_FRAME: it has/);
  await until(async () => !(await slaves()).includes('forged'));
  expect(await slaves()).toEqual(['a-slave']);
});

it.each<[string, Partial<ReplicaFacts>, RegExp]>([
  ['another cluster', { cluster: 'west' }, /^BAD_ARGUMENT: it is of the set west\/a/],
  ['another set', { set: 'b' }, /^BAD_ARGUMENT: it is of the set default\/b/],
  ['another log', { brokerId: 'f'.repeat(16) }, /^BAD_ARGUMENT: its log is ffff/],
  ['the master’s name', { name: 'a' }, /^BAD_ARGUMENT: its name is 'a'/],
  ['another span', { spanBytes: 2 ** 26 }, /^BAD_ARGUMENT: its span/],
])('who is of %s is told so', async (_what, given, why) => {
  const forged = new Forged();
  expect(await forged.hello(given)).toBeNull();
  expect(await forged.ended()).toMatch(why);
});

it('two connections of one name are one slave: the later one speaks for it', async () => {
  const one = new Forged();
  const end = await one.follow();
  const two = new Forged();
  await two.follow();
  one.send(ackFrame(end, end));
  expect(await one.ended()).toBe('CLOSED: this slave has connected again, by another connection');
  two.send(ackFrame(end, end));
  await until(async () => (await slaves()).includes('forged'));
  expect((await slaves()).sort()).toEqual(['a-slave', 'forged']);
  two.socket.terminate();
});

it('a history of as many terms as may be said is compared in a moment', async () => {
  const epochs = (count: number): ReplicaEpoch[] =>
    Array.from({ length: count }, (_, i) => ({ epoch: i + 2, position: 64 * i, time: i }));
  const forged = new Forged();
  const end = 64 * 4096;
  expect(await forged.hello({ epoch: 1, epochs: epochs(4096), start: 0, end })).toMatchObject({ begin: 0 });
  forged.socket.terminate();
});

it('one that reads nothing holds a bounded part of the log in memory, and nobody up', async () => {
  const deaf = new Forged();
  const begin = await deaf.follow();
  deaf.socket.pause();
  const producer = client.producer({ batchBytes: 12 * 1024 });
  const body = new Uint8Array(1024);
  const unread = async (): Promise<number> => {
    const { connections } = await client.admin().listConnections({ filter: 'forged' });
    return connections[0]?.unsentBytes ?? 0;
  };
  let most = 0;
  for (let sent = 0; sent < 16 * MIB; sent += 1024 * body.length) {
    // One that said nothing would be ended for that.
    deaf.send(ackFrame(begin, begin));
    await producer.sendBatch(Array.from({ length: 1024 }, () => ({ topic: 't', body })));
    most = Math.max(most, await unread());
  }
  // 4 MiB before it stops, and what one step sends.
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(9 * MIB);
  await until(async () => {
    const { replicas, end } = await standing();
    return replicas.find(({ name }) => name === 'a-slave')?.received === end;
  });
  deaf.socket.terminate();
});
