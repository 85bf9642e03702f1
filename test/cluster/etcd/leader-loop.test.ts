/** Masters and slaves that hold no log, only its end, over a real etcd: who leads, who may ack, and when. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { EtcdSetStore } from '../../../engine/cluster/etcd/etcd-set-store.js';
import { LeaderLoop } from '../../../engine/cluster/leader-loop.js';
import type { Follower, InSyncSet, Leader, LogEnd } from '../../../engine/cluster/leadership.js';
import type { SetMember } from '../../../engine/cluster/set-member.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { EtcdProcess } from '../etcd-process.js';
import { FaultyLink } from '../faulty-link.js';

let etcd: EtcdProcess;
/** Each test has a set of its own. */
let set = '';
let sets = 0;
const closers: (() => unknown)[] = [];
/** A machine that stands still for a moment does not end one. */
const LEASE_SECONDS = 5;
/** What waits for the end of one is not over within this. */
const LONG_LEASE_SECONDS = 120;
const CALL_MS = 4_000;
/** A lease, and all that follows its end, however busy the machine. */
const SURELY_OVER_MS = 30_000;
beforeAll(async () => {
  etcd = await EtcdProcess.start();
});
afterAll(() => etcd.end());
beforeEach(() => {
  set = `a${++sets}`;
});
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

class Node implements SetMember {
  readonly name: string;
  readonly url = 'ws://127.0.0.1:1';
  readonly mayFound: boolean;
  readonly minInSync: number;
  readonly mayDegrade = false;
  leads: number | null = null;
  isStill = false;
  end: LogEnd = { epoch: 0, position: 0 };
  follows: string | null = null;
  untilMs = Number.NEGATIVE_INFINITY;
  rule: InSyncSet | null = null;
  slaves: Follower[] = [];
  terms: number[] = [];
  waits: string | null = null;
  #waiting: (() => void)[] = [];

  constructor(name: string, minInSync = 1) {
    this.name = name;
    this.mayFound = !name.includes('-slave');
    this.minInSync = minInSync;
  }

  get mayAck(): boolean {
    return this.leads !== null && monotonicMs() < this.untilMs;
  }

  state(): ReturnType<SetMember['state']> {
    const { leads, isStill, end } = this;
    return { leads, isStill, end, knows: end.epoch };
  }
  waitsFor(why: string | null): void {
    this.waits = why;
  }
  takePart(): void {}
  async standStill(): Promise<void> {
    this.isStill = true;
    this.leads = null;
    this.follows = null;
    this.#changed();
  }
  async follow(leader: Leader): Promise<void> {
    this.isStill = false;
    this.leads = null;
    this.follows = leader.name;
    this.#changed();
  }
  async lead(epoch: number): Promise<void> {
    this.isStill = false;
    this.leads = epoch;
    this.terms.push(epoch);
    this.end = { epoch, position: this.end.position };
    this.#changed();
  }
  mayAckUntil(untilMs: number): void {
    this.untilMs = untilMs;
    this.#changed();
  }
  countAcksBy(rule: InSyncSet): void {
    this.rule = rule;
    this.#changed();
  }
  followers(): { followers: readonly Follower[]; acked: number } {
    return { followers: this.slaves, acked: this.end.position };
  }
  tell(): void {}

  /** Resolves once it holds; whatever the loop does is looked at. */
  async until(isSo: (node: Node) => boolean): Promise<void> {
    while (!isSo(this)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #changed(): void {
    for (const wake of this.#waiting.splice(0)) {
      wake();
    }
  }
}

/** A member's loop, over a link of its own. */
async function run(
  node: Node,
  leaseSeconds = LEASE_SECONDS,
): Promise<{ loop: LeaderLoop; link: FaultyLink }> {
  const link = await FaultyLink.open(() => etcd.port);
  closers.push(() => link.close());
  const options = { endpoints: [`127.0.0.1:${link.port}`], callTimeoutMs: CALL_MS };
  const store = await EtcdSetStore.open(options, 'default', set);
  const loop = new LeaderLoop(store, node, { leaseSeconds });
  closers.push(() => loop.close());
  return { loop, link };
}

/** A master with a slave that is in sync. */
async function pair(leaseSeconds = LEASE_SECONDS): Promise<{
  master: Node;
  slave: Node;
  ofMaster: { loop: LeaderLoop; link: FaultyLink };
  ofSlave: { loop: LeaderLoop; link: FaultyLink };
}> {
  const [master, slave] = [new Node('a'), new Node('a-slave')];
  const ofMaster = await run(master, leaseSeconds);
  const ofSlave = await run(slave, leaseSeconds);
  await master.until((node) => node.mayAck);
  await slave.until((node) => node.follows === 'a');
  master.slaves = [{ name: 'a-slave', received: master.end.position, isInSync: true }];
  slave.end = master.end;
  await master.until((node) => node.rule?.members.length === 2 && node.rule.required === 2);
  return { master, slave, ofMaster, ofSlave };
}

test('a master is cut off: it stops acking before its slave becomes master, and follows when it is back', async () => {
  const { master, slave, ofMaster } = await pair();
  const since = monotonicMs();
  ofMaster.link.hold();
  await slave.until((node) => node.leads !== null);
  // Judged at the moment of the promotion, without waiting for any timer of the old master.
  expect(master.mayAck).toBe(false);
  expect(monotonicMs() - since).toBeLessThan(SURELY_OVER_MS);
  expect(slave.terms).toEqual([2]);
  await slave.until((node) => node.mayAck);
  ofMaster.link.heal();
  await master.until((node) => node.follows === 'a-slave');
  expect(master.leads).toBeNull();
});

test('etcd down: the master stops acking; back again it goes on in its term, and nobody else leads', async () => {
  const { master, slave } = await pair();
  await etcd.kill();
  const until = master.untilMs;
  await vi.waitUntil(() => !master.mayAck, { timeout: SURELY_OVER_MS });
  expect(until - monotonicMs()).toBeLessThanOrEqual(0);
  await etcd.start();
  // Who leads may ack a moment later.
  await Promise.race([master, slave].map((node) => node.until(({ mayAck }) => mayAck)));
  const leading = [master, slave].filter((node) => node.mayAck);
  expect(leading).toHaveLength(1);
});

test('the wall clock does not matter', async () => {
  const { master, slave, ofMaster } = await pair();
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + 3_600_000);
  const { untilMs } = master;
  // An answer that came late may have brought a lease that is over.
  await master.until((node) => node.untilMs > untilMs && node.mayAck);
  vi.setSystemTime(Date.now() - 7_200_000);
  ofMaster.link.hold();
  await slave.until((node) => node.leads !== null);
  expect(master.mayAck).toBe(false);
});

test('a master that closes gives its place at once', async () => {
  const { slave, ofMaster } = await pair(LONG_LEASE_SECONDS);
  const since = monotonicMs();
  await ofMaster.loop.close();
  await slave.until((node) => node.leads === 2);
  expect(monotonicMs() - since).toBeLessThan(SURELY_OVER_MS);
});

test('a slave that is not in sync never leads; the old master does when it is back', async () => {
  const [master, slave] = [new Node('a'), new Node('a-slave')];
  const { loop } = await run(master);
  await run(slave);
  await master.until((node) => node.mayAck);
  master.slaves = [{ name: 'a-slave', received: 0, isInSync: false }];
  await loop.close();
  const again = new Node('a');
  again.end = { epoch: 1, position: 640 };
  await run(again);
  await again.until((node) => node.leads !== null);
  expect(again.terms).toEqual([2]);
  expect(slave.terms).toEqual([]);
});

test('of two slaves the one that is further leads', async () => {
  const master = new Node('a');
  const near = new Node('a-slave');
  const far = new Node('a-slave-2');
  near.end = { epoch: 1, position: 640 };
  far.end = { epoch: 1, position: 704 };
  const { loop } = await run(master);
  await run(near);
  await run(far);
  await master.until((node) => node.mayAck);
  master.slaves = [near, far].map(({ name }) => ({ name, received: 1e9, isInSync: true }));
  await master.until((node) => node.rule?.members.length === 3);
  await loop.close();
  await far.until((node) => node.mayAck);
  await near.until((node) => node.follows === 'a-slave-2');
  expect(near.terms).toEqual([]);
});

test('a master that closes leaves its slaves in the set, though they lose it while it still looks: one of them is to be the next', async () => {
  const node = new Node('a', 0);
  const options = { endpoints: [etcd.endpoint], callTimeoutMs: 20_000 };
  const store = await EtcdSetStore.open(options, 'default', set);
  let isHeld = false;
  let entered = (): void => {};
  let goOn = (): void => {};
  const hasEntered = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const held = new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (key !== 'read') {
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async () => {
        const view = await target.read();
        if (isHeld) {
          entered();
          await mayGoOn;
        }
        return view;
      };
    },
  });
  const loop = new LeaderLoop(held, node, { leaseSeconds: LEASE_SECONDS });
  closers.push(() => loop.close());
  await node.until(({ mayAck }) => mayAck);
  node.slaves = [{ name: 'a-slave', received: node.end.position, isInSync: true }];
  await node.until(({ rule }) => rule?.members.length === 2);

  isHeld = true;
  await hasEntered;
  loop.rest();
  node.slaves = [];
  goOn();
  await loop.close();
  const other = await EtcdSetStore.open(options, 'default', set);
  closers.push(() => other.close());
  expect((await other.read()).inSync?.members).toEqual(['a', 'a-slave']);
});

test('etcd is restored from a copy of before a failover: the new master goes on, and the old one, which the copy names, does not', async () => {
  const { master, slave, ofMaster } = await pair();
  const copy = await etcd.copy();
  ofMaster.link.hold();
  await slave.until((node) => node.leads === 2 && node.mayAck);
  await etcd.restore(copy);
  // As a master does that hears from its slave of a later term.
  master.end = { epoch: 2, position: 0 };
  await master.standStill();
  ofMaster.link.heal();
  await master.until((node) => node.follows === 'a-slave');
  await slave.until((node) => node.leads === 2 && node.mayAck);
  // A term goes on where a lease has ended and nobody else has led.
  expect(new Set(master.terms)).toEqual(new Set([1]));
  expect(slave.terms).toContain(2);
});
