/** What attackers try on a broker where clients log in: frames sent again, names tried out, ways round. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Broker, connect, openBroker } from '../../broker/index.js';
import {
  controlFrame,
  controlPayload,
  type Link,
  ScramUser,
  webSocketLinks,
} from '../../native-free/client/internal.js';
import { frameOpcode, OPCODE, PROTOCOL_VERSION, type ScramProof } from '../../native-free/wire/index.js';
import { SMALL } from '../cluster/small-rings.js';

let dir: string;
let broker: Broker;
let url: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-threats-'));
  const adminPasswordFile = join(dir, 'password');
  writeFileSync(adminPasswordFile, 'admin-password');
  broker = await openBroker({ ...SMALL, dataDir: join(dir, 'data'), replication: 'async' });
  ({ url } = await broker.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile }));
  const admin = broker.client().admin();
  await admin.createUser({ user: 'shop', password: 'shop-password' });
});
afterAll(async () => {
  await broker?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A link by hand: what it is sent, frame by frame. */
class RawLink {
  readonly #link: Link;
  readonly #frames: Uint8Array[] = [];
  #wake: () => void = () => undefined;

  constructor(link: Link) {
    this.#link = link;
    link.onFrame = (frame) => {
      this.#frames.push(frame);
      this.#wake();
    };
  }

  static async open(): Promise<RawLink> {
    const link = new RawLink(await webSocketLinks(url)(new AbortController().signal));
    onTestFinished(() => link.#link.close());
    return link;
  }

  send(opcode: number, payload: object): void {
    this.#link.send(controlFrame(opcode, 0, payload));
  }

  hello(credentials: object): void {
    this.send(OPCODE.hello, { version: PROTOCOL_VERSION, features: [], client: 'threat', credentials });
  }

  async next(): Promise<{ opcode: number; payload: Record<string, unknown> }> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const frame = this.#frames.shift() as Uint8Array;
    return { opcode: frameOpcode(frame), payload: controlPayload(frame) };
  }
}

test('an overheard login is of no use on another connection', async () => {
  const login = new ScramUser({ scheme: 'scram', user: 'shop', password: 'shop-password' }).login();
  const first = await RawLink.open();
  first.hello(login.credentials);
  const challenge = await first.next();
  const proof: ScramProof = await login.answer(challenge.payload);
  first.send(OPCODE.proof, proof);
  expect((await first.next()).opcode).toBe(OPCODE.welcome);

  const second = await RawLink.open();
  second.hello(login.credentials);
  const other = await second.next();
  expect(other.payload['nonce']).not.toBe(challenge.payload['nonce']);
  second.send(OPCODE.proof, proof);
  expect(await second.next()).toMatchObject({ opcode: OPCODE.error, payload: { code: 'NOT_AUTHENTICATED' } });
});

test('a user that is there and one that is not are asked and refused alike', async () => {
  const seen: unknown[] = [];
  for (const user of ['shop', 'nobody']) {
    const link = await RawLink.open();
    link.hello({ scheme: 'scram', user, nonce: 'a-nonce-of-the-client' });
    const { opcode, payload } = await link.next();
    link.send(OPCODE.proof, { proof: Buffer.alloc(32).toString('base64') });
    const refusal = await link.next();
    const salt = String(payload['salt']).length;
    seen.push({ opcode, keys: Object.keys(payload), salt, iterations: payload['iterations'], refusal });
  }
  expect(seen[1]).toEqual(seen[0]);
});

test('credentials of other kinds are no way in', async () => {
  for (const credentials of [
    { scheme: 'jwt', token: 'eyJhbGciOiJub25lIn0.e30.' },
    { scheme: 'scram', user: '%broker', nonce: 'a-nonce-of-the-client' },
    { scheme: ['scram'], user: 'shop', nonce: 'a-nonce-of-the-client' },
    { scheme: 'scram', user: 'shop,r=x', nonce: 'a-nonce-of-the-client' },
    'shop:shop-password',
  ]) {
    const link = await RawLink.open();
    link.hello(credentials as object);
    const answer = await link.next();
    if (answer.opcode === OPCODE.challenge) {
      link.send(OPCODE.proof, { proof: Buffer.alloc(32).toString('base64') });
      expect((await link.next()).payload['code'], JSON.stringify(credentials)).toBe('NOT_AUTHENTICATED');
    } else {
      expect(answer.payload['code'], JSON.stringify(credentials)).toBe('NOT_AUTHENTICATED');
    }
  }
});

test('a group is no way to a topic, and a topic none to a group', async () => {
  const admin = broker.client().admin();
  await admin.createTopic({ topic: 'orders', queues: 1 });
  await admin.createTopic({ topic: 'group:orders'.replace(':', '.'), queues: 1 });
  await admin.grant({ to: 'shop', right: 'manage', resource: 'group:orders' });
  await admin.grant({ to: 'shop', right: 'subscribe', resource: 'group:*' });
  const credentials = { scheme: 'scram', user: 'shop', password: 'shop-password' } as const;
  const client = await connect(url, { credentials });
  onTestFinished(() => client.close());
  await expect(client.admin().deleteTopic('orders')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  await expect(client.peek({ topic: 'orders' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  const reset = client.admin().resetOffset({ group: 'orders', topic: 'orders', to: 'earliest' });
  await expect(reset).rejects.toMatchObject({
    code: 'NOT_ALLOWED',
    details: { right: 'subscribe', resource: 'topic:orders' },
  });
});

test('a slave of this machine without the secret gets nothing of the log', async () => {
  const troubles: string[] = [];
  const slave = await openBroker({
    ...SMALL,
    dataDir: join(dir, 'slave'),
    name: 'false-slave',
    brokerSet: broker.client().broker.brokerName,
    role: 'slave',
    master: url,
    onReplication: (event) => troubles.push(JSON.stringify(event)),
  });
  onTestFinished(() => slave.close());
  while (!troubles.some((text) => text.includes('NOT_AUTHENTICATED'))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await slave.client().admin().listTopics()).toEqual([]);
});
