import {
  cpSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

/** A directory of three full segments and some, written by a broker that was stopped; every test damages a copy. */
let directory = '';
let copies = 0;
const MESSAGES = 30_000;

beforeAll(async () => {
  directory = makeDirectory();
  const config = `${directory}/config.json`;
  writeFileSync(config, JSON.stringify({ segmentSize: '8MiB', checkpointSize: '1MiB' }));
  const broker = await BrokerProcess.start(`${directory}/data`, ['--config', config]);
  const work = [
    '--topic',
    't',
    '--size',
    '1000',
    '--count',
    String(MESSAGES),
    '--api',
    'send',
    '--in-flight',
    '256',
  ];
  await runCli(['--url', broker.url, 'bench', 'produce', ...work]);
  await broker.stop();
});
afterAll(() => removeDirectory(directory));

function copy(): string {
  const path = `${directory}/copy-${++copies}`;
  cpSync(`${directory}/data`, path, { recursive: true });
  return path;
}

function segments(data: string): string[] {
  return readdirSync(`${data}/log`)
    .filter((name) => name.endsWith('.seg'))
    .sort();
}

function flipBit(path: string, position: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, position);
  byte[0] = (byte[0] as number) ^ 1;
  writeSync(fd, byte, 0, 1, position);
}

async function verify(data: string) {
  const { status, stdout, stderr } = await runHere(['log', 'verify', data, '-o', 'json']);
  const failure = stderr === '' ? null : (JSON.parse(stderr) as { code: string; message: string });
  return {
    status,
    stderr: failure === null ? '' : `${failure.code}: ${failure.message}\n`,
    report: status === null || stdout.length === 0 ? null : JSON.parse(stdout.toString()),
  };
}

/** By a broker that starts on it. */
async function everythingIsRead(dataDir: string): Promise<void> {
  const broker = await openBroker({ dataDir });
  const [read, bytes] = [new Set<string>(), new Set<number>()];
  for await (const { messageId, bodyLength } of broker.client().consumer({ group: 'g', topic: 't' })) {
    read.add(messageId);
    bytes.add(bodyLength);
    if (read.size === MESSAGES) {
      break;
    }
  }
  await broker.close();
  expect([...bytes]).toEqual([1_000]);
}

describe('log verify', () => {
  it('finds nothing wrong with a directory nobody touched', async () => {
    const { status, stderr, report } = await verify(copy());
    expect([status, stderr]).toEqual([0, '']);
    expect(report).toMatchObject({ clean: true, messages: MESSAGES, findings: [] });
  });

  it('names the segment and the place of a flipped bit', async () => {
    const data = copy();
    const [first] = segments(data);
    flipBit(`${data}/log/${first}`, 4_000_000);
    const { status, stderr, report } = await verify(data);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^LOG_CORRUPT: 1 damaged place, .*log/${first} at \\d+.*\\n$`));
    const [finding] = report.findings;
    expect(finding.position).toBeLessThanOrEqual(4_000_000);
    expect(finding.position + finding.bytes).toBeGreaterThan(4_000_000);
  });

  it.each(['truncated', 'missing'])('names a segment that is %s', async (how) => {
    const data = copy();
    const second = segments(data)[1] as string;
    const path = `${data}/log/${second}`;
    if (how === 'missing') {
      rmSync(path);
    } else {
      truncateSync(path, statSync(path).size / 2);
    }
    const { status, report } = await verify(data);
    expect(status).toBe(1);
    expect(report.findings[0]).toMatchObject({ file: `log/${second}`, kind: 'damage' });
  });

  it.each(['flipped', 'missing'])(
    'names an index file with a bit %s, which is made again once deleted',
    async (how) => {
      const data = copy();
      const index = readdirSync(`${data}/queues`).find((name) => name.endsWith('.idx')) as string;
      const path = `${data}/queues/${index}`;
      if (how === 'missing') {
        rmSync(path);
      } else {
        flipBit(path, 600);
      }
      const { status, report } = await verify(data);
      expect(status).toBe(1);
      expect(report.findings[0]).toMatchObject({ file: `queues/${index}`, kind: 'derived' });
      rmSync(path, { force: true });
      await everythingIsRead(data);
    },
  );

  it.each([
    [
      'emptied of its files',
      (meta: string) => readdirSync(meta).forEach((name) => void rmSync(`${meta}/${name}`)),
    ],
    ['without the broker it is of', (meta: string) => rmSync(`${meta}/node`)],
  ])('finds a log whose meta/ is %s', async (_how, damage) => {
    const data = copy();
    damage(`${data}/meta`);
    const { status, stderr, report } = await verify(data);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^LOG_CORRUPT: 1 damaged place, the first: meta\/node at 0: .+; restore .+\n$/);
    expect(report).toMatchObject({ clean: false, findings: [{ file: 'meta/node', kind: 'damage' }] });
  });

  it.each([
    ['meta/state', 'garbled', (path: string) => flipBit(path, 40)],
    ['meta/state', 'cut short', (path: string) => truncateSync(path, 50)],
    ['queues/tables', 'garbled', (path: string) => flipBit(path, 40)],
    ['queues/tables', 'cut short', (path: string) => truncateSync(path, 50)],
    ['checkpoint', 'garbled', (path: string) => flipBit(path, 12)],
  ])('finds %s %s, which is made again once deleted', async (file, _how, damage) => {
    const data = copy();
    damage(`${data}/${file}`);
    const { status, stderr, report } = await verify(data);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /; delete the file if it is there, and the next start makes it again from the log\n$/,
    );
    expect(report.findings[0]).toMatchObject({ file, kind: 'derived' });
    rmSync(`${data}/${file}`);
    await everythingIsRead(data);
  });

  it('refuses a directory a broker is at work on, and one that is none', async () => {
    const data = copy();
    const broker = await BrokerProcess.start(data);
    expect((await verify(data)).stderr).toMatch(/^DATA_DIR_LOCKED: .+; .+\n$/);
    await broker.stop();
    const none = await verify(`${directory}/nowhere`);
    expect(none.stderr).toMatch(/^BAD_ARGUMENT: .+; .+\n$/);
    expect(none.status).toBe(2);
  });
});
