/** Masters that change users apart from each other, and hear of each other later: nothing that was given is lost, and nothing that was taken comes back. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccessAdmin } from '../../engine/access/access-admin.js';
import { AccessDesk } from '../../engine/access/access-desk.js';
import { AccessState } from '../../engine/meta/access-state.js';
import { decodeRecords, encodeRecords } from '../../engine/meta/record-codec.js';
import { verifierOf } from '../../native-free/client/link/scram-login.js';
import {
  type AccessRecord,
  NO_LIMITS,
  type Right,
  type ScramVerifier,
} from '../../native-free/wire/index.js';
import { SeededRandom } from '../crash/random.js';

let now = 1_000_000;
afterEach(() => vi.restoreAllMocks());

class Master {
  readonly state = new AccessState();
  readonly desk = new AccessDesk({ state: this.state });
  readonly log: AccessRecord[] = [];
  readonly admin = new AccessAdmin({
    state: this.state,
    desk: this.desk,
    append: (records) => {
      for (const record of records) {
        this.log.push(record);
        this.state.apply(record);
      }
      return Promise.resolve();
    },
  });

  /** Hears of all that another has, as over a connection. */
  hear(other: Master): Promise<number> {
    const records = other.admin.records(this.state.digest);
    return this.admin.take(decodeRecords(encodeRecords(records), null));
  }

  rightsOf(user: string): string[] {
    const of = this.state.users.get(user);
    const { grants } = of ?? this.state.roles.get(user) ?? { grants: [] };
    const all = [...grants.map(({ right, resource }) => `${right} ${resource}`)];
    return [...all, ...(of?.roles ?? []).map((role) => `role ${role}`)].sort();
  }

  grant(to: string, resource: string, right: Right = 'publish'): Promise<unknown> {
    now += 1_000;
    return this.admin.grant({ to, right, resource });
  }

  revoke(to: string, resource: string, right: Right = 'publish'): Promise<unknown> {
    now += 1_000;
    return this.admin.revoke({ to, right, resource });
  }
}

/** Until nobody hears anything new; that must not take long. */
async function meet(...masters: Master[]): Promise<void> {
  for (let round = 0; ; round++) {
    let heard = 0;
    for (const one of masters) {
      for (const other of masters) {
        heard += one === other ? 0 : await one.hear(other);
      }
    }
    if (heard === 0) {
      break;
    }
    expect(round).toBeLessThan(3);
  }
  expect(new Set(masters.map(({ state }) => state.digest)).size).toBe(1);
}

let one: ScramVerifier;
let two: ScramVerifier;
beforeAll(async () => {
  [one, two] = await Promise.all([verifierOf('one'), verifierOf('two')]);
});

/** Two that have a user `anna` with a right, and know of each other. */
async function pair(): Promise<[Master, Master]> {
  vi.spyOn(Date, 'now').mockImplementation(() => now);
  const [a, b] = [new Master(), new Master()];
  await a.admin.createUser({ user: 'anna', scram: one });
  await a.grant('anna', 'topic:first');
  await meet(a, b);
  return [a, b];
}

describe('two masters apart', () => {
  it('a grant at each: both are there', async () => {
    const [a, b] = await pair();
    await a.grant('anna', 'topic:a');
    await b.grant('anna', 'topic:b');
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:a', 'publish topic:b', 'publish topic:first']);
  });

  it('a right that is taken at one does not come back with what the other changed later', async () => {
    const [a, b] = await pair();
    await a.revoke('anna', 'topic:first');
    await b.grant('anna', 'topic:b');
    await b.admin.setPassword({ user: 'anna', scram: two });
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:b']);
    expect(a.state.users.get('anna')?.scram).toEqual(two);
    // Given again, it is there.
    await b.grant('anna', 'topic:first');
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:b', 'publish topic:first']);
  });

  it('of the same right the later of giving and taking counts, and of one moment taking', async () => {
    const [a, b] = await pair();
    await a.revoke('anna', 'topic:first');
    await b.revoke('anna', 'topic:first');
    await b.grant('anna', 'topic:first');
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:first']);
    await a.grant('anna', 'topic:x');
    await meet(a, b);
    now += 1_000;
    await a.admin.revoke({ to: 'anna', right: 'publish', resource: 'topic:x' });
    await b.admin.revoke({ to: 'anna', right: 'publish', resource: 'topic:x' });
    await b.admin.grant({ to: 'anna', right: 'publish', resource: 'topic:x' });
    // Its clock stands still, and the grant is later all the same.
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:first', 'publish topic:x']);
  });

  it('roles of a user are as rights are, and rights of a role too', async () => {
    const [a, b] = await pair();
    await a.admin.createRole({ role: 'readers' });
    await a.admin.createRole({ role: 'writers' });
    await a.admin.setRoles({ user: 'anna', roles: ['readers'] });
    await meet(a, b);
    now += 1_000;
    await a.admin.setRoles({ user: 'anna', roles: [] });
    await a.grant('readers', 'topic:a', 'subscribe');
    now += 1_000;
    await b.admin.setRoles({ user: 'anna', roles: ['readers', 'writers'] });
    await b.grant('readers', 'topic:b', 'subscribe');
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:first', 'role writers']);
    expect(a.rightsOf('readers')).toEqual(['subscribe topic:a', 'subscribe topic:b']);
  });

  it('of each limit of a user the later change counts, also that it was taken back, and not before its name was deleted', async () => {
    const [a, b] = await pair();
    await a.admin.setLimits({ user: 'anna', bytesPerSecond: 2_048, messagesPerSecond: 7 });
    await meet(a, b);
    now += 1_000;
    await a.admin.setLimits({ user: 'anna', bytesPerSecond: null });
    now += 1_000;
    await b.admin.setLimits({ user: 'anna', messagesPerSecond: 0 });
    await a.grant('anna', 'topic:a');
    await meet(a, b);
    for (const { state } of [a, b]) {
      expect(state.users.get('anna')?.limits).toEqual({ bytesPerSecond: null, messagesPerSecond: 0 });
    }
    await a.admin.setPassword({ user: 'anna', scram: two });
    expect(a.state.users.get('anna')?.limits.messagesPerSecond).toBe(0);
    now += 1_000;
    await a.admin.deleteUser({ user: 'anna' });
    await a.admin.createUser({ user: 'anna', scram: two });
    await b.admin.setLimits({ user: 'anna', bytesPerSecond: 4_096 });
    await meet(a, b);
    expect(b.state.users.get('anna')?.limits).toEqual(NO_LIMITS);
  });

  it('who was deleted at one stays so, however the other changed it meanwhile, and comes back without what it had', async () => {
    const [a, b] = await pair();
    now += 1_000;
    await a.admin.deleteUser({ user: 'anna' });
    await b.grant('anna', 'topic:b');
    await b.admin.setPassword({ user: 'anna', scram: two });
    await meet(a, b);
    expect(b.state.users.has('anna')).toBe(false);
    await b.admin.createUser({ user: 'anna', scram: two });
    await b.grant('anna', 'topic:new');
    await meet(a, b);
    expect(a.rightsOf('anna')).toEqual(['publish topic:new']);
    // One that slept through all of it.
    const [late] = await pair();
    await late.grant('anna', 'topic:late');
    const [c, d] = await pair();
    now += 1_000;
    await c.admin.deleteUser({ user: 'anna' });
    now += 1_000;
    await c.admin.createUser({ user: 'anna', scram: two });
    await d.grant('anna', 'topic:d');
    await meet(c, d);
    expect(d.rightsOf('anna')).toEqual([]);
  });

  it('a user that was made at both is one, with the rights of both', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => now);
    const [a, b] = [new Master(), new Master()];
    await a.admin.createUser({ user: 'ben', scram: one });
    await a.grant('ben', 'topic:a');
    now += 5;
    await b.admin.createUser({ user: 'ben', scram: two });
    await b.grant('ben', 'topic:b');
    await meet(a, b);
    expect(a.rightsOf('ben')).toEqual(['publish topic:a', 'publish topic:b']);
    expect(a.state.users.get('ben')?.scram).toEqual(two);
  });

  it('a user and a role of one name: one of them is left, everywhere the same', async () => {
    const [a, b] = await pair();
    await a.admin.createUser({ user: 'both', scram: one });
    now += 1_000;
    await b.admin.createRole({ role: 'both' });
    await meet(a, b);
    expect([a.state.roles.has('both'), a.state.users.has('both')]).toEqual([true, false]);
  });
});

it('ends are forgotten in time and beyond a number, and what they ended does not come back for that', async () => {
  const [a, b] = await pair();
  for (let i = 0; i < 300; i++) {
    await a.grant('anna', `topic:t${i}`);
  }
  await meet(a, b);
  for (let i = 0; i < 300; i++) {
    await a.revoke('anna', `topic:t${i}`);
  }
  const [record] = a.admin.records(null);
  expect(record).toMatchObject({ gone: expect.any(Array) });
  expect((record as { gone: readonly string[] }).gone.length).toBe(200);
  await b.grant('anna', 'topic:b');
  await meet(a, b);
  expect(b.rightsOf('anna')).toEqual(['publish topic:b', 'publish topic:first']);
  now += 40 * 24 * 3_600_000;
  await a.grant('anna', 'topic:c');
  expect((a.admin.records(null)[0] as { gone: readonly string[] }).gone).toEqual([]);
  await meet(a, b);
  expect(b.rightsOf('anna')).toEqual(['publish topic:b', 'publish topic:c', 'publish topic:first']);
});

it('two that are full of grants agree on which are left', async () => {
  const [a, b] = await pair();
  for (let i = 0; i < 900; i++) {
    await a.grant('anna', `topic:a${i}`);
    await b.grant('anna', `topic:b${i}`);
  }
  await meet(a, b);
  expect(a.rightsOf('anna')).toHaveLength(1_000);
  expect(a.rightsOf('anna')).toContain('publish topic:b899');
});

it('records of an older broker count as a whole, the later one', async () => {
  const [a, b] = await pair();
  const old = (changedTime: number, resource: string): AccessRecord => ({
    ...{ type: 'user', name: 'old', scram: one, roles: [], changedTime },
    grants: [{ right: 'publish', resource }],
  });
  a.state.apply(old(500, 'topic:before'));
  b.state.apply(old(400, 'topic:long-before'));
  await meet(a, b);
  expect(b.rightsOf('old')).toEqual(['publish topic:before']);
  await a.grant('old', 'topic:a');
  await b.revoke('old', 'topic:before');
  await meet(a, b);
  expect(b.rightsOf('old')).toEqual(['publish topic:a']);
});

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever three do apart they agree, and a log that is read again says the same (seed %i)',
  async (seed) => {
    vi.spyOn(Date, 'now').mockImplementation(() => now);
    const random = new SeededRandom(seed);
    const masters = [new Master(), new Master(), new Master()];
    const pick = <T>(all: readonly T[]): T => all[random.between(0, all.length)] as T;
    const names = ['anna', 'ben'];
    for (let step = 0; step < 300; step++) {
      now += random.between(0, 3);
      const { admin } = pick(masters);
      const user = pick(names);
      const grant = {
        to: user,
        right: pick(['publish', 'subscribe'] as const),
        resource: pick(['topic:a', 'topic:b']),
      };
      const work = [
        () => admin.createUser({ user, scram: pick([one, two]) }),
        () => admin.grant(grant),
        () => admin.grant(grant),
        () => admin.revoke(grant),
        () => admin.setPassword({ user, scram: pick([one, two]) }),
        () => admin.createRole({ role: pick(['r', ...names]) }),
        () => admin.setRoles({ user, roles: pick([[], ['r']]) }),
        () => admin.setLimits({ user, bytesPerSecond: pick([null, 0, 2_048]) }),
        () => admin.setLimits({ user, messagesPerSecond: pick([null, 0, 5]) }),
        () => (random.between(0, 4) === 0 ? admin.deleteUser({ user }) : Promise.resolve()),
        () =>
          random.between(0, 4) === 0 ? admin.deleteRole({ role: pick(['r', ...names]) }) : Promise.resolve(),
        () => pick(masters).hear(pick(masters)),
      ];
      // What is not there cannot be changed.
      await pick(work)().catch(() => undefined);
    }
    await meet(...masters);
    for (const { log, state } of masters) {
      const again = new AccessState();
      for (const record of [...log, ...log.slice(random.between(0, log.length))]) {
        again.apply(record);
      }
      expect(again.digest).toBe(state.digest);
    }
  },
);
