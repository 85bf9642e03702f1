/** The client in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { connect } from '../../native-free/client/index.js';
import { AUDIENCE, ISSUER, makeKey, makeToken } from '../access/token-maker.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { CuttingProxy } from '../conformance/cutting-proxy.js';
import { numbers, readAll, take } from '../conformance/rig.js';
import { bundlePage, launchChromium, PageServer } from './chromium.js';
import { oddAnswers } from './odd-messages.js';
import type { Page } from './page.js';

declare const ringmqPage: Page;

let script: string;
let browser: Browser;
let allowed: PageServer;
let stranger: PageServer;
let dataDir: string;
let broker: Broker;

beforeAll(async () => {
  script = await bundlePage();
  browser = await launchChromium();
  allowed = await PageServer.start(script);
  stranger = await PageServer.start(script);
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-browser-'));
  broker = await openBroker({ dataDir, flush: 'async' });
});

afterAll(async () => {
  await browser?.close();
  await broker?.close();
  await allowed?.close();
  await stranger?.close();
  if (dataDir !== undefined) {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('the bundle needs no shared memory, and nothing of Node', () => {
  expect(script.length).toBeGreaterThan(10_000);
  expect(script).not.toContain('SharedArrayBuffer');
  expect(script).not.toMatch(/["'`]node:/);
  expect(script).not.toMatch(/\bprocess\.env\b/);
});

test.concurrent('a page logs in by tokens, shows a later one on the open connection, and one that expires ends it', async () => {
  const topic = 'tokens';
  await broker.client().admin().createTopic({ topic, queues: 1 });
  const key = makeKey('one');
  const keyFile = join(dataDir, 'keys.json');
  writeFileSync(keyFile, JSON.stringify({ keys: [key.jwk] }));
  const jwt = { keyFile, issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 0 };
  const listening = await broker.listen({
    port: 0,
    threads: 1,
    auth: true,
    allowedOrigins: [allowed.origin],
    jwt,
  });
  const claims = { grants: `publish:topic:${topic}` };
  const token = (seconds: number): Promise<string> =>
    makeToken(key, { header: { kid: 'one' }, claims, seconds });
  let asked = 0;
  const own = await allowed.open(browser);
  await own.exposeFunction('freshToken', () => {
    asked++;
    return token(asked === 1 ? 24 : 300);
  });
  await own.evaluate((to) => ringmqPage.connectByTokens(to), listening.url);
  await expect.poll(() => asked).toBeGreaterThan(1);
  expect(await own.evaluate((to) => ringmqPage.sendByTokens(to), topic)).toEqual({
    states: ['connected'],
    sent: 'done',
  });
  await own.evaluate(() => ringmqPage.closeByTokens());
  const ended = ([to, short]: [string, string]): Promise<string> => ringmqPage.endOfToken(to, short);
  expect(await own.evaluate(ended, [listening.url, await token(8)] as [string, string])).toBe(
    'TOKEN_EXPIRED',
  );
  const wrong = await makeToken(makeKey('one'), { header: { kid: 'one' }, claims });
  expect(await own.evaluate(ended, [listening.url, wrong] as [string, string])).toBe('NOT_AUTHENTICATED');
  await own.close();
  await listening.close();
});

// Beside the one above, which waits for most of its time.
test.concurrent('every function takes odd values, or refuses them at the call by name', async () => {
  const listening = await broker.listen({ port: 0, threads: 1, allowedOrigins: [allowed.origin] });
  const own = await allowed.open(browser);
  const run = (to: string) => ringmqPage.oddCalls(to, 'odd-calls');
  const { faults, calls } = await own.evaluate(run, listening.url);
  expect(faults).toEqual([]);
  expect(calls).toBeGreaterThan(60);
  await own.close();
  await listening.close();
});

describe.for(LISTENERS)('in Chromium, over %s', (listener) => {
  let proxy: CuttingProxy;
  let url: string;
  let tab: Tab;

  beforeAll(async () => {
    const listening = await broker.listen({
      port: 0,
      listener,
      threads: 1,
      allowedOrigins: [allowed.origin],
    });
    url = listening.url;
    proxy = await CuttingProxy.start(listening.port);
    tab = await allowed.open(browser);
    expect(await tab.evaluate((to) => ringmqPage.connect(to), proxy.url)).toEqual({ listener });
  });
  afterAll(async () => {
    await tab?.evaluate(() => ringmqPage.close());
    await tab?.close();
    await proxy?.close();
  });

  test('a page logs in as a user, and may do what that one may', async () => {
    const admin = broker.client().admin();
    const [topic, user] = [`users-${listener}`, `page-${listener}`];
    await admin.createTopic({ topic, queues: 1 });
    await admin.createUser({ user, password: 'a password' });
    await admin.grant({ to: user, right: 'publish', resource: `topic:${topic}` });
    const options = { port: 0, listener, threads: 1, auth: true, allowedOrigins: [allowed.origin] };
    const guarded = await broker.listen(options);
    const send = (password: string, to: string): Promise<number | string> =>
      tab.evaluate(
        ([at, name, secret, where]) =>
          ringmqPage.sendAs(at as string, name as string, secret as string, where as string),
        [guarded.url, user, password, to],
      );
    expect(await send('a password', topic)).toBe(0);
    expect(await send('a password', 'elsewhere')).toBe('NOT_ALLOWED');
    expect(await send('another one', topic)).toBe('NOT_AUTHENTICATED');
    await guarded.close();
  });

  test('odd values in a message get the answers that they get in Node, and the same of them is stored', async () => {
    const admin = broker.client().admin();
    const readOdd = async (count: number) => {
      const consumer = broker.client().consumer({ group: 'odd', topic: 'odd' });
      const messages = await take(consumer, count);
      await consumer.close();
      return messages;
    };
    const outcome = async (say: (topic: string) => Promise<string[]>) => {
      await admin.createTopic({ topic: 'odd', queues: 1 });
      const answers = await say('odd');
      const { queueStates } = await admin.describeTopic('odd');
      const count = queueStates[0]?.maxOffset ?? 0;
      const stored = (await readOdd(count)).map(({ tag, keys, shardingKey, properties, body, bornTime }) => [
        body && (body.length > 1_000 ? body.length : [...body]),
        ...[tag, keys, shardingKey, properties],
        // A time that was given; else it is of now.
        bornTime < 1_000_000 ? bornTime : null,
      ]);
      await admin.deleteTopic('odd');
      await admin.deleteGroup('odd').catch(() => undefined);
      return { answers, stored };
    };
    const inPage = await outcome((topic) => tab.evaluate((to) => ringmqPage.oddAnswers(to), topic));
    const remote = await connect(url);
    const inNode = await outcome((topic) => oddAnswers(remote, topic));
    await remote.close();
    expect(inNode.answers.length).toBeGreaterThan(1_000);
    // What a program's own getter throws, and a proxy that was revoked, is its own.
    const own = /^(send|write) (getter that throws|revoked proxy) /;
    expect(inNode.answers.filter((answer) => answer.includes('not ours') && !own.test(answer))).toEqual([]);
    expect(inPage.answers).toEqual(inNode.answers);
    expect(inPage.stored).toEqual(inNode.stored);
    expect(inPage.stored.length).toBeGreaterThan(100);
  });

  test('messages go there and back, to and from clients elsewhere', async () => {
    const topic = `kinds-${listener}`;
    await tab.evaluate((name) => ringmqPage.createTopic(name, 1), topic);
    const receipts = await tab.evaluate((name) => ringmqPage.sendKinds(name), topic);
    expect(receipts.map((receipt) => receipt.offset)).toEqual([0, 1, 2, 3]);
    const bytes = [
      Array.from({ length: 256 }, (_, i) => i),
      [...new TextEncoder().encode('grüße')],
      [],
      null,
    ];

    const inNode = await readAll(broker.client(), topic);
    expect(inNode.map((message) => message.body && [...message.body])).toEqual(bytes);
    expect(inNode[0]).toMatchObject({ tag: 'paid', keys: ['k-1'], messageId: receipts[0]?.messageId });
    expect(inNode[0]?.properties).toMatchObject({ text: 'ü', number: -0.5, yes: true });

    await broker
      .client()
      .producer()
      .send({ topic, body: 'from node', tag: 'node', keys: ['n'] });
    const seen = await tab.evaluate((name) => ringmqPage.take(name, 'web', 5), topic);
    expect(seen.map((message) => message.bytes)).toEqual([
      ...bytes,
      [...new TextEncoder().encode('from node')],
    ]);
    expect(seen[0]?.properties).toMatchObject({ text: 'ü', number: -0.5, yes: true });
    expect(seen.map((message) => message.messageId).slice(0, 4)).toEqual(
      receipts.map((receipt) => receipt.messageId),
    );
    // What the page acked is committed.
    const lag = (await broker.client().admin().describeGroup('web')).queues.find(
      (queue) => queue.topic === topic,
    )?.lag;
    expect(lag).toBe(0);
    const filtered = await tab.evaluate((name) => ringmqPage.take(name, 'tags', 2, 'paid || node'), topic);
    expect(filtered.map((message) => message.offset)).toEqual([0, 4]);
    expect(await tab.evaluate(() => ringmqPage.refusal('no-such-topic'))).toBe('TOPIC_NOT_FOUND');
  });

  test('a body of 4 MiB', async () => {
    const topic = `large-${listener}`;
    await tab.evaluate((name) => ringmqPage.createTopic(name, 1), topic);
    expect(await tab.evaluate((name) => ringmqPage.largeBody(name, 4 * 1024 * 1024), topic)).toBe(true);
  });

  test('the page reconnects and goes on: nothing lost, nothing twice, in order', async () => {
    const topic = `stream-${listener}`;
    await tab.evaluate((name) => ringmqPage.createTopic(name, 1), topic);
    const before = proxy.harms.cut;
    await tab.exposeFunction('cut', () => proxy.cutAll());
    const bodies = await tab.evaluate(
      (name) => ringmqPage.stream(name, 2000, (globalThis as unknown as { cut(): Promise<void> }).cut),
      topic,
    );
    expect(bodies).toEqual(numbers(2000));
    expect(proxy.harms.cut - before).toBe(10);
    const states = await tab.evaluate(() => ringmqPage.states);
    expect(states.filter((state) => state === 'disconnected')).toHaveLength(10);
    const stored = await take(broker.client().consumer({ group: 'check', topic }), 2000);
    expect(stored.map((message) => message.text())).toEqual(numbers(2000));
    expect((await broker.client().admin().describeTopic(topic)).queueStates[0]?.maxOffset).toBe(2000);
  });

  test('a page of another origin is refused', async () => {
    const other = await stranger.open(browser);
    expect(await other.evaluate((to) => ringmqPage.connect(to), url)).toEqual({ code: 'ORIGIN_REFUSED' });
    await other.close();
  });
});
