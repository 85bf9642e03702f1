/**
 * A data directory is the one that was opened: who does not own it any more stops, says why in one line, and
 * touches nothing at its path.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { resolveListenOptions } from '../../broker/listen-options.js';
import { resolveNameServerOptions } from '../../broker/name-server-options.js';
import { resolveEngineOptions } from '../../engine/options.js';
import type { Client } from '../../native-free/client/index.js';
import type { RingMQError } from '../../native-free/wire/index.js';
import { BrokerProcess } from '../cli/cli-process.js';
import { removeWhole } from './remove-whole.js';
import { makeDirectory, openSmall, readSome, removeDirectory, SMALL, withBroker } from './small-broker.js';

const WAIT = { timeout: 100_000 };

let directory: string;
beforeAll(() => {
  directory = realpathSync(makeDirectory());
});
afterAll(() => removeDirectory(directory));

/** Every file below a path, with what is in it; empty when there is nothing. */
function contentsOf(path: string): Record<string, string> {
  const contents: Record<string, string> = {};
  for (const name of existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : []) {
    if (statSync(`${path}/${name}`).isFile()) {
      contents[name] = readFileSync(`${path}/${name}`, 'latin1');
    }
  }
  return contents;
}

/** Sends until it is refused: the code, and how many were acked before. */
async function sendUntilRefused(client: Client): Promise<{ code: string; acked: number }> {
  const producer = client.producer();
  for (let acked = 0; ; acked++) {
    try {
      await producer.send({ topic: 't', body: 'x'.repeat(100) });
    } catch (error) {
      return { code: (error as RingMQError).code, acked };
    }
  }
}

/** A directory that looks like somebody else's. */
function putAnother(path: string): void {
  mkdirSync(`${path}/log`, { recursive: true });
  mkdirSync(`${path}/meta`);
  mkdirSync(`${path}/queues`);
  writeFileSync(`${path}/LOCK`, '1 1 another-boot fedcba9876543210 - -\n');
  for (const name of ['checkpoint', 'meta/node', 'queues/tables']) {
    writeFileSync(`${path}/${name}`, 'of somebody else');
  }
}

function lastSegment(path: string): string {
  const segments = readdirSync(`${path}/log`).filter((name) => name.endsWith('.seg'));
  return `${path}/log/${segments.sort()[0]}`;
}

describe('a broker whose directory', () => {
  it.concurrent.each<[string, (path: string) => void, RegExp]>([
    ['was moved away', (path) => renameSync(path, `${path}-moved`), /it was moved or removed$/],
    ['was removed', removeWhole, /it was moved or removed$/],
    [
      'was replaced by another',
      (path) => {
        renameSync(path, `${path}-moved`);
        putAnother(path);
      },
      /another one stands in its place$/,
    ],
    ['has no LOCK any more', (path) => unlinkSync(`${path}/LOCK`), /its LOCK was removed$/],
    [
      'has the LOCK of another',
      (path) => {
        unlinkSync(`${path}/LOCK`);
        writeFileSync(`${path}/LOCK`, '77 1 another-boot fedcba9876543210 - -\n');
      },
      /its LOCK names another, process 77$/,
    ],
    [
      'has something else for a LOCK',
      (path) => writeFileSync(`${path}/LOCK`, 'mine'),
      /its LOCK was overwritten$/,
    ],
    ['has lost log/', (path) => removeWhole(`${path}/log`), /log\/0{16}\.seg was moved or removed/],
    [
      'has lost the segment in use',
      (path) => unlinkSync(lastSegment(path)),
      /log\/0{16}\.seg was moved or removed/,
    ],
    [
      'has the segment in use under another name',
      (path) => renameSync(lastSegment(path), `${lastSegment(path)}.bak`),
      /log\/0{16}\.seg was moved or removed/,
    ],
    [
      'has another file for the segment in use',
      (path) => {
        cpSync(lastSegment(path), `${path}/copy`);
        renameSync(`${path}/copy`, lastSegment(path));
      },
      /log\/0{16}\.seg was replaced/,
    ],
    ['has lost meta/', (path) => removeWhole(`${path}/meta`), /meta\/node was moved or removed/],
    [
      'has another file for meta/node',
      (path) => {
        cpSync(`${path}/meta/node`, `${path}/copy`);
        renameSync(`${path}/copy`, `${path}/meta/node`);
      },
      /meta\/node was replaced/,
    ],
  ])('%s stops writing and touches nothing', async (what, harm, why) => {
    const dataDir = `${directory}/${what.replaceAll(/\W/g, '-')}`;
    const fatal: RingMQError[] = [];
    const warnings: string[] = [];
    const broker = await openBroker({
      ...SMALL,
      dataDir,
      onFatal: (error) => fatal.push(error),
      onWarning: (message) => warnings.push(message),
    });
    const client = broker.client();
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await client.producer().send({ topic: 't', body: 'first' });
    harm(dataDir);
    const before = contentsOf(dataDir);
    const refused = await sendUntilRefused(client);
    expect(refused.code).toBe('DISK_FAILED');
    if (/^was removed|^has lost log|segment in use/.test(what)) {
      // What it says to be on disk would be gone.
      expect(refused.acked).toBe(0);
    }
    await vi.waitFor(() => expect(fatal).toHaveLength(1), WAIT);
    await broker.close();
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toMatchObject({ code: 'DATA_DIR_LOST', message: expect.stringMatching(why) });
    // On a busy machine anything may take long.
    expect(warnings.filter((message) => !/held its thread/.test(message))).toEqual([]);
    const lock = before['LOCK'];
    const after = contentsOf(dataDir);
    if (/meta|snapshot|log|segment/.test(what)) {
      // The directory is still its own, and is given back.
      expect(after['LOCK']).toBeUndefined();
    } else {
      expect(after['LOCK']).toBe(lock);
      // But for the second name of its own lock.
      const others = (contents: object) => Object.keys(contents).filter((name) => name !== '.opening');
      expect(others(after)).toEqual(others(before));
    }
    if (what === 'was replaced by another') {
      expect(after).toEqual(before);
    }
  });

  it('was taken by another broker leaves it to that one', async () => {
    const dataDir = `${directory}/taken`;
    const fatal: RingMQError[] = [];
    const first = await openBroker({ ...SMALL, dataDir, onFatal: (error) => fatal.push(error) });
    await first.client().admin().createTopic({ topic: 'old', queues: 1 });
    renameSync(dataDir, `${dataDir}-moved`);
    await withBroker(dataDir, async (second) => {
      await second.client.admin().createTopic({ topic: 'new', queues: 1 });
      await second.client.producer().send({ topic: 'new', body: 'kept' });
      await first.close();
      expect(fatal).toMatchObject([{ code: 'DATA_DIR_LOST' }]);
      await expect(openSmall(dataDir)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
      await second.client.producer().send({ topic: 'new', body: 'kept too' });
    });
    await withBroker(dataDir, async ({ client }) => {
      expect((await client.admin().listTopics()).map(({ topic }) => topic)).toEqual(['new']);
      expect((await readSome(client, 'new', 2)).map((message) => message.text())).toEqual([
        'kept',
        'kept too',
      ]);
    });
  });

  it('has lost an older segment says so, once, and goes on', async () => {
    const dataDir = `${directory}/older`;
    await withBroker(dataDir, async ({ client, warnings }) => {
      await client.admin().createTopic({ topic: 't', queues: 1 });
      for (let i = 0; i < 200; i++) {
        await client.producer().send({ topic: 't', body: 'x'.repeat(1000) });
      }
      unlinkSync(lastSegment(dataDir));
      await vi.waitFor(() => expect(warnings).toHaveLength(1), WAIT);
      expect(warnings[0]?.message).toMatch(/log\/0{16}\.seg was moved or removed/);
      expect(await client.producer().send({ topic: 't', body: 'x' })).toMatchObject({ durability: 'disk' });
    });
  });
});

it('ringmq broker says it in one line and ends with status 1', async () => {
  const dataDir = `${directory}/command`;
  const broker = await BrokerProcess.start(dataDir);
  removeWhole(dataDir);
  expect(await broker.ended).toBe(1);
  const lines = broker.log.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([
    expect.stringMatching(
      // The look may come between one part and the rest of what is removed.
      /^DATA_DIR_LOST: the data directory .+ is no longer this broker's: (it was moved or removed|its LOCK was removed|\S+ was moved or removed while the broker had it open); .+$/,
    ),
  ]);
  // On a busy machine anything may take long.
  const troubles = lines.filter((line) => /"level":(?:40|50)/.test(line) && !/held its thread/.test(line));
  expect(troubles).toEqual([]);
  expect(existsSync(dataDir)).toBe(false);
});

it('the path is resolved once: neither chdir nor another link changes what it means', () => {
  const [home, elsewhere] = [`${directory}/home`, `${directory}/elsewhere`];
  mkdirSync(home);
  putAnother(`${elsewhere}/data`);
  mkdirSync(`${directory}/target`);
  symlinkSync(`${directory}/target`, `${home}/data`);
  const before = contentsOf(`${elsewhere}/data`);
  const program = `
    import { openBroker } from ${JSON.stringify(new URL('../../broker/index.js', import.meta.url).href)};
    import { unlinkSync, symlinkSync } from 'node:fs';
    const options = { ...${JSON.stringify(SMALL)}, dataDir: './data' };
    const broker = await openBroker(options);
    await broker.client().admin().createTopic({ topic: 't', queues: 1 });
    process.chdir(${JSON.stringify(elsewhere)});
    unlinkSync(${JSON.stringify(`${home}/data`)});
    symlinkSync(${JSON.stringify(`${elsewhere}/data`)}, ${JSON.stringify(`${home}/data`)});
    const producer = broker.client().producer();
    for (let i = 0; i < 400; i++) await producer.send({ topic: 't', body: 'x'.repeat(500) });
    // As with a promotion, or after a repair, it is opened again.
    broker.stale();
    await broker.listen({ port: 0, listener: 'ws' });
    for (let i = 0; i < 10; i++) await broker.client().producer().send({ topic: 't', body: 'x' });
    await broker.close();
    process.chdir(${JSON.stringify(directory)});
    const again = await openBroker({ ...options, dataDir: 'target' });
    console.log(JSON.stringify((await again.client().admin().describeTopic('t')).queueStates));
    await again.close();`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: home,
    encoding: 'utf8',
  });
  expect(JSON.parse(said)).toMatchObject([{ maxOffset: 410 }]);
  expect(contentsOf(`${elsewhere}/data`)).toEqual(before);
});

it('files that are read again later are those of the moment, too', () => {
  const here = { certFile: resolve('c.pem'), keyFile: resolve('k.pem'), caFile: resolve('ca.pem') };
  const link = { certFile: 'c.pem', keyFile: 'k.pem', caFile: 'ca.pem' };
  const engine = resolveEngineOptions({
    ...{ secretFile: 'secret', linkTls: link },
    ...{ controller: 'etcds://127.0.0.1:1', nameServers: ['ws://127.0.0.1:1'] },
    controllerLink: { ...link, userFile: 'user' },
  });
  expect(engine).toMatchObject({
    secretFile: resolve('secret'),
    linkTls: here,
    controllerLink: { ...here, userFile: resolve('user') },
  });
  const listen = resolveListenOptions({
    tls: { certFile: 'c.pem', keyFile: 'k.pem', clientCaFile: 'ca.pem' },
    auth: true,
    jwt: { keyFile: 'keys', issuer: 'i', audience: 'a' },
  });
  expect(listen).toMatchObject({
    tls: { certFile: here.certFile, keyFile: here.keyFile, clientCaFile: here.caFile },
    jwt: { keyFile: resolve('keys') },
  });
  expect(resolveNameServerOptions({ secretFile: 'secret' })).toMatchObject({ secretFile: resolve('secret') });
});
