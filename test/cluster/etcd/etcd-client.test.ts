import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EtcdClient } from '../../../engine/cluster/etcd/etcd-client.js';
import { EtcdError } from '../../../engine/cluster/etcd/etcd-error.js';
import { EtcdWatch } from '../../../engine/cluster/etcd/etcd-watch.js';
import { parseController } from '../../../engine/controller-url.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { until } from '../../replica/nodes.js';
import { EtcdProcess, freePort } from '../etcd-process.js';
import { FaultyLink } from '../faulty-link.js';

let etcd: EtcdProcess;
const closers: (() => unknown)[] = [];
/** What is to be answered is, on a machine that stands still for a moment, and what is not costs no more. */
const ONE_DEADLINE_MS = 4_000;
/** No machine stands still for so long: a lease of it ends by what is done to it alone. */
const LONG_LEASE_SECONDS = 600;
beforeAll(async () => {
  etcd = await EtcdProcess.start();
});
afterAll(() => etcd.end());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

async function client(endpoints = [etcd.endpoint], callTimeoutMs = 20_000): Promise<EtcdClient> {
  const opened = await EtcdClient.open({ endpoints, callTimeoutMs });
  closers.push(() => opened.close());
  return opened;
}

describe('keys', () => {
  test('are read with their revisions, those of a longer name apart', async () => {
    const keys = await client();
    await keys.put('/t1/a', 'ä');
    await keys.put('/t1/b', '');
    await keys.put('/t10/a', 'other');
    const { keys: found, revision } = await keys.readPrefix('/t1/');
    expect(found.map(({ key, value }) => [key, value])).toEqual([
      ['/t1/a', 'ä'],
      ['/t1/b', ''],
    ]);
    expect(revision).toBeGreaterThanOrEqual(found[1]?.modRevision as number);
  });

  test('a transaction does all or nothing', async () => {
    const keys = await client();
    const make = (value: string) =>
      keys.transact(
        [{ key: '/t2/leader', target: 'CREATE', revision: 0 }],
        [{ put: { key: '/t2/leader', value } }, { put: { key: '/t2/term', value } }],
      );
    expect(await make('1')).toBe(true);
    expect(await make('2')).toBe(false);
    const { keys: found } = await keys.readPrefix('/t2/');
    expect(found.map(({ value }) => value)).toEqual(['1', '1']);
    const [leader] = found;
    const compare = [{ key: '/t2/leader', target: 'MOD' as const, revision: leader?.modRevision as number }];
    expect(await keys.transact(compare, [{ remove: { key: '/t2/leader' } }])).toBe(true);
    expect(await keys.transact(compare, [{ remove: { key: '/t2/term' } }])).toBe(false);
  });
});

describe('leases', () => {
  test('whatever hangs on one goes with it, at once when it is given back', async () => {
    const keys = await client();
    const { lease, ttlSeconds } = await keys.grantLease(LONG_LEASE_SECONDS);
    expect(ttlSeconds).toBeGreaterThanOrEqual(LONG_LEASE_SECONDS);
    await keys.put('/t3/leader', 'me', lease);
    expect((await keys.readPrefix('/t3/')).keys[0]?.lease).toBe(lease);
    const before = monotonicMs();
    const kept = await keys.keepAlive(lease);
    expect(kept.ttlSeconds).toBe(ttlSeconds);
    expect(kept.sentAtMs).toBeGreaterThanOrEqual(before);
    await keys.revokeLease(lease);
    expect((await keys.readPrefix('/t3/')).keys).toEqual([]);
    expect((await keys.keepAlive(lease)).ttlSeconds).toBe(0);
    await keys.revokeLease(lease);
  });
});

describe('members that do not answer', () => {
  test('a call goes to the next one where a port is dead', async () => {
    const keys = await client([`127.0.0.1:${await freePort()}`, etcd.endpoint]);
    await expect(keys.readPrefix('/none/')).resolves.toMatchObject({ keys: [] });
    expect(keys.endpoint).toBe(etcd.endpoint);
  });

  test('a half-open connection costs one deadline, then another is made', async () => {
    const link = await FaultyLink.open(etcd.port);
    closers.push(() => link.close());
    const keys = await client([`127.0.0.1:${link.port}`], ONE_DEADLINE_MS);
    await keys.put('/t4/a', '1');
    link.hold('back');
    await expect(keys.readPrefix('/t4/')).rejects.toMatchObject({ name: 'EtcdError', isUnknown: true });
    link.heal();
    await expect(keys.readPrefix('/t4/')).resolves.toMatchObject({ keys: [{ value: '1' }] });
  });

  test('a change without an answer says that it may have been made', async () => {
    const link = await FaultyLink.open(etcd.port);
    closers.push(() => link.close());
    const keys = await client([`127.0.0.1:${link.port}`], ONE_DEADLINE_MS);
    await keys.readPrefix('/t5/');
    link.hold('back');
    const failure = await keys.put('/t5/a', '1').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EtcdError);
    expect(failure).toMatchObject({ isUnknown: true });
    const direct = await client();
    expect((await direct.readPrefix('/t5/')).keys).toHaveLength(1);
  });

  test('all of them stopped: an error after one deadline each, and all is back when they go on', async () => {
    const keys = await client([etcd.endpoint, etcd.endpoint], 200);
    await until(() =>
      keys.readPrefix('/t6/').then(
        () => true,
        () => false,
      ),
    );
    etcd.pause();
    try {
      await expect(keys.keepAlive('1')).rejects.toMatchObject({ name: 'EtcdError' });
      await expect(keys.readPrefix('/t6/')).rejects.toMatchObject({ name: 'EtcdError' });
    } finally {
      etcd.goOn();
    }
    const patient = await client();
    await expect(patient.readPrefix('/t6/')).resolves.toMatchObject({ keys: [] });
  });

  test('a closed client fails at once', async () => {
    const keys = await client();
    keys.close();
    await expect(keys.readPrefix('/t/')).rejects.toBeInstanceOf(EtcdError);
  });
});

describe('a watch', () => {
  /** Counts what it is told, and lets one wait for more. */
  function counter(): { onChange: () => void; more: () => Promise<void> } {
    let waiting: () => void = () => {};
    return {
      onChange: () => waiting(),
      more: () =>
        new Promise((resolve) => {
          waiting = resolve;
        }),
    };
  }

  test('tells of a change, also after its stream was half open, and etcd down meanwhile', async () => {
    const own = await EtcdProcess.start();
    closers.push(() => own.end());
    const link = await FaultyLink.open(() => own.port);
    closers.push(() => link.close());
    const keys = await client([`127.0.0.1:${link.port}`], 1_000);
    const { onChange, more } = counter();
    const stands = more();
    const watch = new EtcdWatch(keys, '/t7/', onChange);
    closers.push(() => watch.close());
    await stands;
    const direct = await client([own.endpoint]);
    const first = more();
    await direct.put('/t7/a', '1');
    await first;
    // Half open: the watch finds out by itself and stands again on a new connection, which it tells.
    const again = more();
    link.hold('back');
    // Long after it must have found out: healed before that, the stream would go on, and there would be nothing to tell.
    setTimeout(() => link.heal(), 5_000);
    await again;
    const back = more();
    await own.kill();
    await own.start();
    await back;
  });
});

describe('what a controller is named by', () => {
  test('etcd://, several with commas', () => {
    expect(parseController('etcd://127.0.0.1:2379')).toEqual({ endpoints: ['127.0.0.1:2379'], tls: false });
    expect(parseController('etcds://e1.example:2379,e2.example:2379')).toEqual({
      endpoints: ['e1.example:2379', 'e2.example:2379'],
      tls: true,
    });
    expect(parseController('etcd://[::1]:2379')?.endpoints).toEqual(['[::1]:2379']);
    for (const wrong of ['127.0.0.1:2379', 'etcd://', 'etcd://host', 'http://h:1', 'etcd://a:1,,b:2']) {
      expect(parseController(wrong), wrong).toBeNull();
    }
  });

  test('the packages it wants are named where they are missing', async () => {
    const source = await readFile(
      new URL('../../../engine/cluster/etcd/load-grpc.js', import.meta.url),
      'utf8',
    );
    const without = source
      .replace("'@grpc/grpc-js'", "'@grpc/not-installed'")
      .replace(/'(\.\.?\/[^']+)'/g, (_all, path: string) =>
        JSON.stringify(new URL(`../../../engine/cluster/etcd/${path}`, import.meta.url).href),
      );
    const script = `${without}\nloadEtcdParts().catch((error) => console.log(error.code, error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toMatch(/^BAD_CONFIG .*npm install @grpc\/grpc-js@1 protobufjs@7/);
  });
});
