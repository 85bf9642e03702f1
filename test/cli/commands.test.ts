/** Commands that run a broker, manage its topics and groups, and measure it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broker, directory, here, makeTopic, publish, ringmq } from './broker-commands.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

describe('broker', () => {
  it('says which listener it took and why', () => {
    expect(broker.log).toMatch(/listener/);
    expect(broker.log).toMatch(/"listener":"(uws|ws)"/);
  });

  it('is refused the directory and the port another one has', async () => {
    const locked = await runCli(['broker', '--data', `${directory}/data`, '--listen', '127.0.0.1:0']);
    expect(locked.stderr.trimEnd().split('\n').at(-1)).toMatch(/^DATA_DIR_LOCKED: .+; .+$/);
    expect(locked.status).toBe(1);
    const taken = await runCli([
      'broker',
      '--data',
      `${directory}/other`,
      '--listen',
      `127.0.0.1:${broker.port}`,
    ]);
    expect(taken.stderr.trimEnd().split('\n').at(-1)).toMatch(/^PORT_IN_USE: .+; .+$/);
    expect(taken.status).toBe(1);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s and keeps what it had', async (signal) => {
    const dataDir = `${directory}/${signal}`;
    const first = await BrokerProcess.start(dataDir);
    await runHere(['--url', first.url, 'topic', 'create', 'kept', '--queues', '1']);
    await runHere(['--url', first.url, 'pub', 'kept'], { input: 'one\ntwo\n' });
    expect(await first.stop(signal)).toBe(0);
    const second = await BrokerProcess.start(dataDir);
    const read = await runCli(['--url', second.url, 'sub', 'kept', '--group', 'g', '--count', '2']);
    expect(read.stdout.toString()).toBe('one\ntwo\n');
    expect(await second.stop()).toBe(0);
  });
});

describe('a broker whose listener thread dies', () => {
  it.each(['ws', 'auto'])('ends with 1 and one line (%s)', async (listener) => {
    const preload = new URL('./end-listener-thread.js', import.meta.url).href;
    const dying = await BrokerProcess.start(`${directory}/dying`, ['--listener', listener], 0, {
      nodeFlags: ['--import', preload],
    });
    process.kill(dying.pid, 'SIGUSR2');
    expect(await dying.ended).toBe(1);
    const lines = dying.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect(lines).toEqual([
      expect.stringMatching(/^INTERNAL: the last listener thread of ws:.+ died.+; .+$/),
    ]);
    const again = await BrokerProcess.start(`${directory}/dying`);
    expect(await again.stop()).toBe(0);
  });
});

describe('topic and group', () => {
  it('creates, lists, describes and deletes', async () => {
    const topic = await makeTopic(3);
    await publish(topic, ['a', 'b', 'c']);
    const list = await ringmq(['topic', 'list', '-o', 'json']);
    expect(JSON.parse(list.stdout.toString())).toContainEqual(expect.objectContaining({ topic, queues: 3 }));
    const found = JSON.parse((await ringmq(['-o', 'json', 'topic', 'describe', topic])).stdout.toString());
    expect(found.queueStates).toHaveLength(3);
    expect((await here(['topic', 'describe', topic])).stdout.toString()).toContain('3 messages');
    const kept = await here(['topic', 'create', topic, '--queues', '5', '--if-not-exists']);
    expect([kept.status, kept.stdout.toString()]).toEqual([0, `${topic}: 3 queues\n`]);
    const again = await here(['topic', 'create', topic, '--queues', '3']);
    expect(again.stderr).toMatch(/^TOPIC_EXISTS: .+; .+\n$/);
    expect(again.status).toBe(1);
    expect((await ringmq(['topic', 'delete', topic])).status).toBe(0);
    const gone = await ringmq(['topic', 'describe', topic]);
    expect(gone.stderr).toMatch(/^TOPIC_NOT_FOUND: .+; .+\n$/);
    expect(gone.status).toBe(1);
    const nothing = await here(['topic', 'delete', topic]);
    expect(nothing.stderr).toBe(`TOPIC_NOT_FOUND: there is no topic '${topic}'; see \`ringmq topic list\`\n`);
  });

  it('gives a topic more queues, never fewer', async () => {
    const topic = await makeTopic(2);
    const grow = (queues: string, ...more: string[]) =>
      here([...more, 'topic', 'grow', topic, '--queues', queues]);
    const grown = await grow('5');
    expect([grown.status, grown.stdout.toString()]).toEqual([0, `${topic}: 5 queues, before 2\n`]);
    const same = await grow('5');
    expect([same.status, same.stdout.toString()]).toEqual([
      0,
      `${topic}: has 5 queues already, nothing to do\n`,
    ]);
    const json = await grow('6', '-o', 'json');
    expect(JSON.parse(json.stdout.toString())).toMatchObject({ topic, queues: 6, before: 5 });
    const fewer = await grow('4');
    expect(fewer.stderr).toMatch(/^BAD_ARGUMENT: the topic '\S+' has 6 queues, and can only get more: .+\n$/);
    expect(fewer.status).toBe(2);
    const none = await here(['topic', 'grow', `${topic}-not`, '--queues', '4']);
    expect(none.stderr).toBe(
      `TOPIC_NOT_FOUND: there is no topic '${topic}-not'; see \`ringmq topic list\`\n`,
    );
  });

  it('says how long messages of a topic are given out', async () => {
    const topic = 'retained';
    await here(['topic', 'create', topic, '--queues', '1', '--retention', '1h']);
    expect((await here(['topic', 'describe', topic])).stdout.toString()).toContain('given out for 1 h');
    const set = await here(['topic', 'set', topic, '--retention', '90m']);
    expect(set.stdout.toString()).toBe(`${topic}: messages are given out for 1.5 h\n`);
    const back = await here(['-o', 'json', 'topic', 'set', topic, '--retention', 'default']);
    expect(JSON.parse(back.stdout.toString())).not.toHaveProperty('retentionMs');
    const wrong = await here(['topic', 'set', topic, '--retention', '10ms']);
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('it must be 1s to 3650d')]);
  });

  it('ends quietly with 0 when nobody reads its stdout', async () => {
    await makeTopic();
    for (const args of [
      ['topic', 'list'],
      ['topic', 'list', '-o', 'json'],
      ['group', 'list'],
    ]) {
      const child = startCli(['--url', broker.url, ...args]);
      child.stdout?.destroy();
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [status] = (await once(child, 'close')) as [number | null];
      expect([status, stderr]).toEqual([0, '']);
    }
  });

  it('describes a group and rewinds it', async () => {
    const topic = await makeTopic();
    const group = `group-of-${topic}`;
    await publish(topic, ['a', 'b', 'c']);
    await ringmq(['sub', topic, '--group', group, '--count', '2']);
    const before = JSON.parse((await here(['group', 'describe', group, '-o', 'json'])).stdout.toString());
    expect(before.queues).toContainEqual(expect.objectContaining({ topic, committedOffset: 2, lag: 1 }));
    expect((await here(['group', 'list'])).stdout.toString()).toContain(group);
    const reset = await ringmq(['group', 'reset-offset', group, '--topic', topic, '--to', 'earliest']);
    expect(reset.stderr).toBe('');
    expect(reset.status).toBe(0);
    const again = await ringmq(['sub', topic, '--group', group, '--count', '3']);
    expect(again.stdout.toString()).toBe('a\nb\nc\n');
  });

  it('makes a group, rewinds it on one queue, and deletes it', async () => {
    const topic = await makeTopic(2);
    const group = `made-for-${topic}`;
    expect((await here(['group', 'create', group])).stdout.toString()).toBe(`${group}: created\n`);
    expect((await here(['group', 'create', group])).stderr).toMatch(/^GROUP_EXISTS: /);
    expect((await here(['group', 'create', group, '--if-not-exists'])).status).toBe(0);
    const reset = ['group', 'reset-offset', group, '--topic', topic, '--to', 'latest', '-o', 'json'];
    const { queues } = JSON.parse((await here([...reset, '--queue', '1'])).stdout.toString());
    expect(queues).toEqual([{ queueId: 1, before: null, offset: 0 }]);
    expect((await here([...reset, '--queue', '2'])).stderr).toContain('QUEUE_NOT_FOUND');
    expect((await here(['group', 'delete', group])).status).toBe(0);
    expect((await here(['group', 'delete', group])).stderr).toMatch(/^GROUP_NOT_FOUND: /);
  });
});

describe('bench', () => {
  it.each(['write', 'send', 'batch'])('produces through %s', async (api) => {
    const args = [
      'bench',
      'produce',
      '--topic',
      `bench-${api}`,
      '--size',
      '100',
      '--count',
      '5000',
      '--api',
      api,
    ];
    const { status, stdout, stderr } = await ringmq([...args, '--producers', '2']);
    expect([status, stderr]).toEqual([0, '']);
    const result = JSON.parse(stdout.toString());
    expect(result).toMatchObject({ count: 5000, size: 100, api, errors: 0, flush: 'async' });
    expect(result.messagesPerSecond).toBeGreaterThan(0);
    expect(result.latencyMs.p50).toBeGreaterThan(0);
  });

  describe('on a disk without room', () => {
    let data = '';
    let full: BrokerProcess;
    beforeAll(async () => {
      data = makeDirectory();
      const config = `${data}/config.json`;
      writeFileSync(config, JSON.stringify({ minFree: '100TiB' }));
      full = await BrokerProcess.start(`${data}/data`, ['--config', config]);
    });
    afterAll(async () => {
      await full?.stop();
      removeDirectory(data);
    });

    it.each([
      ['write', '1'],
      ['write', '3000'],
      ['send', '100'],
      ['batch', '100'],
    ])('fails with what failed through %s, and counts all %s of them', async (api, count) => {
      const topic = `t-${api}-${count}`;
      const shape = ['--topic', topic, '--size', '100', '--count', count, '--api', api, '--timeout', '3s'];
      await runHere(['--url', full.url, 'topic', 'create', topic, '--queues', '1']);
      // Each has to be refused once within its time, also on a machine that stops for a while.
      const [{ status, stdout, stderr }, pub] = await Promise.all([
        runCli(['--url', full.url, 'bench', 'produce', ...shape]),
        runHere(['--url', full.url, '-o', 'json', 'pub', topic, '--timeout', '3s'], {
          input: 'line\n'.repeat(Number(count)),
        }),
      ]);
      expect(stderr).toMatch(new RegExp(`^DISK_FULL: ${count} of ${count} messages failed: .+; .+\\n$`));
      expect(status).toBe(1);
      expect(JSON.parse(stdout.toString())).toMatchObject({ count: 0, errors: Number(count) });
      expect(pub.status).toBe(1);
      expect(JSON.parse(pub.stdout.toString())).toMatchObject({ durability: null });
    });
  });

  it('consumes what is there, and end to end at a rate', async () => {
    const size = ['--topic', 'bench-both', '--size', '64', '--count', '2000'];
    await ringmq(['bench', 'produce', ...size]);
    const consumed = JSON.parse((await ringmq(['bench', 'consume', ...size])).stdout.toString());
    expect(consumed).toMatchObject({ latencyMs: null, errors: 0 });
    const both = await ringmq(['bench', 'e2e', ...size, '--rate', '4000', '-o', 'json']);
    const result = JSON.parse(both.stdout.toString());
    expect(result.latencyMs.max).toBeGreaterThan(0);
    expect(result.messagesPerSecond).toBeLessThan(4500);
  });
});
