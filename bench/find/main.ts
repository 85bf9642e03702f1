/**
 * `npm run bench:find`: how long a message is looked for among many, by key and by id, and what the key index
 * takes to be made. Everything in one process: an embedded broker on a directory of its own.
 */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { openBroker } from '../../broker/index.js';
import type { Client } from '../../native-free/client/index.js';
import { monotonicMs, setTimeout } from '../../native-free/time/index.js';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { formatQuantity } from '../quantity.js';

const HELP = `npm run bench:find -- [options]: a message found by key and by id among many

  --messages N    stored with one key each (2,000,000; each takes about 150 bytes of disk)
  --keyless N     stored without keys, between them (0)
  --size BYTES    of each body (100)
  --finds N       by key, of random messages (500)
  --dir DIR       where the directory is made (the system's one for temporary files)
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  options: {
    messages: { type: 'string', default: '2000000' },
    keyless: { type: 'string', default: '0' },
    size: { type: 'string', default: '100' },
    finds: { type: 'string', default: '500' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const [messages, keyless, size, finds] = [flags.messages, flags.keyless, flags.size, flags.finds].map(
  Number,
) as [number, number, number, number];
const TOPIC = 'found';
/** Every so many messages a keyless one goes between, where there are as many. */
const QUEUES = 4;
/** What is less is left to searches. */
const UNINDEXED_BYTES = 16 * 1024 * 1024;
const MOST_INDEXING_MS = 600_000;

async function produce(client: Client): Promise<number> {
  const producer = client.producer();
  const body = new Uint8Array(size).fill(0x2e);
  const began = monotonicMs();
  const perKeyed = keyless / messages;
  let without = 0;
  for (let n = 0; n < messages; n++) {
    for (; without < (n + 1) * perKeyed; without++) {
      if (!producer.write({ topic: TOPIC, body })) {
        await producer.ready();
      }
    }
    if (!producer.write({ topic: TOPIC, body, keys: [keyOf(n)] })) {
      await producer.ready();
    }
  }
  await producer.flush();
  const ms = monotonicMs() - began;
  await producer.close();
  return ms;
}

function keyOf(n: number): string {
  return `order-${n}`;
}

function bytesIn(dir: string): number {
  try {
    // The log's last files are made before they are needed.
    return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).blocks * 512, 0);
  } catch {
    return 0; // Not made yet, or a file went meanwhile.
  }
}

/** Resolves with when the index had all of the log but its end, which searches read themselves. */
async function indexIsMade(dir: string, logEnd: number): Promise<number> {
  for (let was = monotonicMs(); indexedTo(dir) < logEnd - UNINDEXED_BYTES; ) {
    if (monotonicMs() - was > MOST_INDEXING_MS) {
      throw new Error('the index was not made');
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  return monotonicMs();
}

/** Files are named `<from>-<to>.keys`, and made in the order of the log. */
function indexedTo(dir: string): number {
  try {
    const ends = readdirSync(dir).map((name) => /^[\da-f]+-([\da-f]+)\.keys$/.exec(name)?.[1]);
    return Math.max(0, ...ends.map((end) => Number.parseInt(end ?? '0', 16)));
  } catch {
    return 0; // Not made yet.
  }
}

interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function timed(count: number, find: (i: number) => Promise<boolean>): Promise<Times> {
  // The thread that searches is started, and its code compiled.
  for (let i = 0; i < 20; i++) {
    await find(i);
  }
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = monotonicMs();
    if (!(await find(i))) {
      throw new Error('a message that is there was not found');
    }
    times.push(monotonicMs() - began);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

const dataDir = mkdtempSync(join(flags.dir, 'ringmq-find-'));
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(1));
}
const open = () => openBroker({ dataDir, flush: 'async', retentionMs: 0 });
let broker = await open();
let client = broker.client();
await client.admin().createTopic({ topic: TOPIC, queues: QUEUES });
const produceMs = await produce(client);
const produced = monotonicMs();
const logEnd = (await client.admin().stats()).log.endPosition;
const indexedMs = Math.max(0, (await indexIsMade(`${dataDir}/index`, logEnd)) - produced);
const random = (): number => Math.floor(Math.random() * messages);

async function byKey(key: string): Promise<number> {
  let found = 0;
  let cursor: string | null = null;
  do {
    const page = await client.admin().findMessages({ topic: TOPIC, key, cursor });
    found += page.messages.length;
    cursor = page.cursor;
  } while (cursor !== null);
  return found;
}

const ids: string[] = [];
const keyTimes = await timed(finds, async () => {
  const search = { topic: TOPIC, key: keyOf(random()), limit: 1 };
  let page = await client.admin().findMessages(search);
  // A page ends after some time of the disk's, too.
  while (page.messages.length === 0 && page.cursor !== null) {
    page = await client.admin().findMessages({ ...search, cursor: page.cursor });
  }
  ids.push(page.messages[0]?.messageId ?? '');
  return page.messages.length === 1;
});
const allTimes = await timed(finds, async () => (await byKey(keyOf(random()))) === 1);
const missTimes = await timed(finds, async () => (await byKey(`none-${random()}`)) === 0);
const idTimes = await timed(finds, async (i) => {
  const id = ids[i % ids.length] as string;
  return (await client.admin().findMessages({ id })).messages.length === 1;
});
await broker.close();
broker = await open();
client = broker.client();
const began = monotonicMs();
await byKey(keyOf(random()));
const afterRestartMs = monotonicMs() - began;
const restartTimes = await timed(finds, async () => (await byKey(keyOf(random()))) === 1);
const figures = {
  environment: describeEnvironment(),
  messages,
  keyless,
  size,
  produceMs,
  indexedMs,
  logBytes: bytesIn(`${dataDir}/log`),
  indexBytes: bytesIn(`${dataDir}/index`),
  indexFiles: readdirSync(`${dataDir}/index`).length,
  byKey: keyTimes,
  byKeyAll: allTimes,
  byKeyMiss: missTimes,
  byId: idTimes,
  firstAfterRestartMs: afterRestartMs,
  byKeyAfterRestart: restartTimes,
  rssBytes: process.memoryUsage().rss,
};
await broker.close();
const table = new Table({ head: ['find', 'p50', 'p99', 'max'] });
const rowOf = (name: string, times: Times): string[] => [
  name,
  ...[times.p50Ms, times.p99Ms, times.maxMs].map((ms) => formatQuantity(ms, 'ms')),
];
table.push(
  rowOf('by key, the first message that has it', keyTimes),
  rowOf('by key, all of the log', allTimes),
  rowOf('by a key that there is not', missTimes),
  rowOf('by id', idTimes),
  rowOf('by key, after a restart', restartTimes),
);
process.stdout.write(
  `${messages.toLocaleString('en')} messages with a key, ${keyless.toLocaleString('en')} without, ${size} bytes each: ${formatQuantity(figures.logBytes, 'bytes')} of log\n` +
    `produced in ${formatQuantity(produceMs, 'ms')}; the index was whole ${formatQuantity(indexedMs, 'ms')} later\n` +
    `index: ${formatQuantity(figures.indexBytes, 'bytes')} in ${figures.indexFiles} files, ${(figures.indexBytes / messages).toFixed(1)} bytes a key\n` +
    `the first find after a restart, which starts a thread: ${formatQuantity(afterRestartMs, 'ms')}\n${table.toString()}\n`,
);
if (flags.json !== undefined) {
  writeFileSync(flags.json, `${JSON.stringify(figures, null, 2)}\n`);
}
