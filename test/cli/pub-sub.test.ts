/** `ringmq pub` and `ringmq sub`: lines become messages, and messages become lines again. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { broker, directory, here, makeTopic, publish, ringmq } from './broker-commands.js';
import { runCli, startCli } from './cli-process.js';

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

describe('pub', () => {
  it('splits on \\n alone: CR, empty and unended lines are kept', async () => {
    const topic = await makeTopic();
    const sent = await ringmq(['pub', topic, '-o', 'json'], 'one\r\n\n\ttwo\nlast');
    expect(sent.stderr).toBe('');
    expect(JSON.parse(sent.stdout.toString())).toEqual({
      count: 4,
      bytes: 12,
      errors: 0,
      durability: 'page-cache',
    });
    const read = await ringmq(['sub', topic, '--group', 'g', '--count', '4']);
    expect(read.stdout.toString()).toBe('one\r\n\n\ttwo\nlast\n');
    expect(read.status).toBe(0);
  });

  it('refuses an input that has no lines, instead of taking it for an empty one', async () => {
    const topic = await makeTopic();
    const args = ['--url', broker.url, 'pub', topic];
    const folder = await runCli(args, { shell: `exec < '${directory}'` });
    expect([folder.status, folder.stderr]).toEqual([
      2,
      'BAD_ARGUMENT: stdin is a directory, which has no lines to send; redirect a file or a pipe to it\n',
    ]);
    const unreadable = await runCli(args, { shell: `exec 0> '${directory}/written'` });
    expect([unreadable.status, unreadable.stderr]).toEqual([
      2,
      expect.stringMatching(/^BAD_ARGUMENT: stdin cannot be read: EBADF.+; .+\n$/),
    ]);
  });

  it('keeps quiet, and does nothing with empty input', async () => {
    const topic = await makeTopic();
    const sent = await ringmq(['pub', topic], 'one\n');
    expect([sent.status, sent.stdout.length, sent.stderr]).toEqual([0, 0, '']);
    const nothing = await here(['pub', topic, '-o', 'json'], '');
    expect(nothing.status).toBe(0);
    expect(JSON.parse(nothing.stdout.toString()).count).toBe(0);
  });

  it('does not create topics by use', async () => {
    const { status, stderr } = await here(['pub', 'nowhere'], 'one\n');
    expect(stderr).toMatch(/^TOPIC_NOT_FOUND: .+; .+\n$/);
    expect(status).toBe(1);
  });

  it('refuses a line over the limit and says which', async () => {
    const topic = await makeTopic();
    const { status, stderr } = await ringmq(['pub', topic], `short\n${'x'.repeat(4 * 1024 * 1024 + 1)}\n`);
    expect(stderr).toMatch(/^MESSAGE_TOO_LARGE: .+\n$/);
    expect(status).toBe(1);
  });

  it('sets tag, keys, properties and sharding key', async () => {
    const topic = await makeTopic(4);
    const flags = ['--tag', 'paid', '--key', 'k1', '--property', 'region=eu', '--property', 'x=a=b'];
    await ringmq(['pub', topic, '--sharding-key', 'customer-7', ...flags], 'body\n');
    await here(['pub', topic, '--tag', 'open'], 'other\n');
    const read = await ringmq([
      'sub',
      topic,
      '--group',
      'g',
      '--filter',
      'paid',
      '--count',
      '1',
      '-o',
      'json',
    ]);
    expect(JSON.parse(read.stdout.toString())).toMatchObject({
      topic,
      offset: 0,
      tag: 'paid',
      keys: ['k1'],
      properties: { region: 'eu', x: 'a=b' },
      body: 'body',
    });
  });

  it('carries 200,000 lines byte for byte', async () => {
    const topic = await makeTopic();
    const lines = Array.from({ length: 200_000 }, (_, i) => `${i} ${'x'.repeat(i % 97)}\n`).join('');
    const sent = await ringmq(['pub', topic], lines);
    expect([sent.status, sent.stderr]).toEqual([0, '']);
    const read = await ringmq(['sub', topic, '--group', 'g', '--count', '200000']);
    expect(read.stdout.equals(Buffer.from(lines))).toBe(true);
  });
});

describe('sub', () => {
  it('gives a body that is not UTF-8 as base64, and as it is without -o json', async () => {
    const topic = await makeTopic();
    const body = Uint8Array.of(0xff, 0x00, 0xfe);
    await here(['pub', topic], Buffer.concat([body, Buffer.from('\n')]));
    const json = await ringmq(['sub', topic, '--group', 'a', '--count', '1', '-o', 'json']);
    expect(JSON.parse(json.stdout.toString())).toMatchObject({ bodyBase64: '/wD+' });
    const raw = await ringmq(['sub', topic, '--group', 'b', '--count', '1']);
    expect(raw.stdout).toEqual(Buffer.from([0xff, 0x00, 0xfe, 10]));
  });

  it('acks what it printed and nothing more', async () => {
    const topic = await makeTopic();
    await publish(topic, numbers(1000));
    const first = await ringmq(['sub', topic, '--group', 'g', '--count', '10']);
    expect(first.stdout.toString().trimEnd().split('\n').at(-1)).toBe('9');
    const rest = await ringmq(['sub', topic, '--group', 'g', '--count', '2']);
    expect(rest.stdout.toString()).toBe('10\n11\n');
  });

  it('ends with 0 when nobody reads its stdout any more, and acks no line that was not taken', async () => {
    const topic = await makeTopic();
    const count = 50_000;
    await publish(topic, numbers(count));
    const child = startCli(['--url', broker.url, 'sub', topic, '--group', 'g']);
    const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    child.stdout?.destroy();
    const [status] = (await once(child, 'exit')) as [number | null];
    expect(status).toBe(0);
    const seen = chunk.toString().split('\n').length - 1;
    const rest = await ringmq(['sub', topic, '--group', 'g', '--count', '1', '--idle-exit', '30s']);
    const next = Number(rest.stdout.toString().split('\n', 1)[0]);
    expect(next).toBeGreaterThanOrEqual(seen);
    expect(next).toBeLessThan(count);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const topic = await makeTopic();
    await publish(topic, ['one']);
    const child = startCli(['--url', broker.url, 'sub', topic, '--group', 'g']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill(signal);
    const [status] = (await once(child, 'exit')) as [number | null];
    expect(status).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s though nobody reads', async (signal) => {
    const topic = await makeTopic();
    // More than any pipe holds: the write of this one line cannot come to its end.
    const body = 'x'.repeat(4_000_000);
    await publish(topic, [body]);
    const child = startCli(['--url', broker.url, 'sub', topic, '--group', 'g']);
    await once(child.stdout as NodeJS.ReadableStream, 'readable');
    child.kill(signal);
    const [status] = (await once(child, 'exit')) as [number | null];
    child.stdout?.destroy();
    expect(status).toBe(0);
    const rest = await ringmq(['sub', topic, '--group', 'g', '--count', '1', '--idle-exit', '30s']);
    expect(rest.stdout.toString() === `${body}\n`).toBe(true);
  });

  it('says what is wrong with a filter', async () => {
    const topic = await makeTopic();
    const { status, stderr } = await ringmq(['sub', topic, '--group', 'g', '--filter', 'a || || b']);
    expect(stderr).toMatch(/^BAD_FILTER: .+; .+\n$/);
    expect(status).toBe(1);
  });
});
