/** What a name server makes of registrations, without sockets and by a clock of the test's own. */

import { beforeEach, describe, expect, it } from 'vitest';
import { RouteTable, type RouteTableOptions } from '../../engine/cluster/route-table.js';
import {
  type BrokerRegistration,
  MAX_BROKERS_PER_SET,
  MAX_CLUSTERS,
  MAX_SETS_PER_CLUSTER,
} from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { allTopics, registration, topicOf } from './registrations.js';

const OTHER_LOG = '00000000000000b2';
let changed: string[] = [];
let ended: [number, string][] = [];
let twins: string[] = [];
let table: RouteTable;

function open(options: Partial<RouteTableOptions> = {}): RouteTable {
  return new RouteTable(
    options,
    {
      onChanged: (cluster, version) => changed.push(`${cluster} ${version}`),
      onLinkEnded: (link, why) => ended.push([link, why]),
      onTwin: ({ name }, { url }) => twins.push(`${name} ${url}`),
    },
    0,
  );
}

beforeEach(() => {
  changed = [];
  ended = [];
  twins = [];
  table = open();
});

const master = (epoch: number, name = 'a', changes: Partial<BrokerRegistration> = {}): BrokerRegistration =>
  registration({ name, set: 'a', epoch, ...changes });
const slave = (name: string, epoch = 1, changes: Partial<BrokerRegistration> = {}): BrokerRegistration =>
  registration({ name, set: 'a', role: 'slave', epoch, ...changes });
const routeOf = (set = 'a') => table.route({}, 0).sets.find((each) => each.set === set);
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the master of a set', () => {
  it('is the one of the highest epoch, whoever came last, and the others are told', () => {
    table.register(1, master(5, 'b'), 0);
    const late = table.register(2, master(4, 'a'), 0);
    expect(late).toMatchObject({ master: { name: 'b', epoch: 5 }, epoch: 5 });
    expect(routeOf()?.master?.name).toBe('b');
    expect(table.register(3, master(6, 'c'), 0).master?.name).toBe('c');
    expect(table.register(1, master(5, 'b'), 0)).toMatchObject({ master: { name: 'c' }, epoch: 6 });
  });

  it('is nobody while all that knew the highest epoch are away: an old one does not come back to it', () => {
    table.register(1, master(5, 'a'), 0);
    table.register(2, master(6, 'b'), 0);
    table.unregister(2, 0);
    expect(routeOf()?.master).toBeNull();
    expect(table.register(1, master(5, 'a'), 0)).toMatchObject({ master: null, epoch: 6 });
    // A slave that follows the new one says so as well.
    table = open();
    table.register(1, master(5, 'a'), 0);
    expect(routeOf()?.master?.name).toBe('a');
    table.register(2, slave('s', 6), 0);
    expect(routeOf()?.master).toBeNull();
  });

  it('is one of two of the same epoch, the same in whatever order they come', () => {
    table.register(1, master(5, 'a'), 0);
    table.register(2, master(5, 'b'), 0);
    const first = routeOf()?.master?.name;
    table = open();
    table.register(2, master(5, 'b'), 0);
    table.register(1, master(5, 'a'), 0);
    expect(routeOf()?.master?.name).toBe(first);
  });

  it('is refused with another log while there is one, and taken once that has gone', () => {
    table.register(1, master(5, 'a'), 0);
    expect(codeOf(() => table.register(2, master(9, 'b', { brokerId: OTHER_LOG }), 0))).toBe('BAD_CONFIG');
    expect(codeOf(() => table.register(3, master(9, 'a', { brokerId: OTHER_LOG }), 0))).toBe('BAD_CONFIG');
    table.unregister(1, 0);
    // A new disk: epochs begin anew.
    expect(table.register(3, master(1, 'a', { brokerId: OTHER_LOG }), 0).master).toMatchObject({ epoch: 1 });
  });
});

describe('a name', () => {
  it('is refused to a master with a copy of the log of one that is there, and taken from one that was started before', () => {
    table.register(1, master(5, 'a'), 0);
    const copy = master(5, 'a', { openingId: 'fedcba9876543210', url: 'ws://127.0.0.1:9' });
    expect(codeOf(() => table.register(2, copy, 0))).toBe('BAD_CONFIG');
    expect(routeOf()?.master?.url).not.toBe(copy.url);
    // Started anew it has another epoch, also while its last connection has not ended.
    const { url } = master(5);
    expect(table.register(3, { ...copy, epoch: 6, url }, 0).master).toMatchObject({ url, epoch: 6 });
    expect(ended).toEqual([[1, 'replaced']]);
  });

  const elsewhere = { url: 'ws://127.0.0.1:9', openingId: 'fedcba9876543210' };

  it('of a slave stays with who has it: another one is refused, both are told of, and nothing changes', () => {
    table.register(1, master(5), 0);
    table.register(2, slave('s', 5), 0);
    const before = JSON.stringify(table.route({}, 0));
    for (let second = 10; second < 60; second += 10) {
      expect(codeOf(() => table.register(3, slave('s', 5, elsewhere), second * 1_000))).toBe('BAD_CONFIG');
      expect(codeOf(() => table.register(4, slave('a', 5, elsewhere), second * 1_000))).toBe('BAD_CONFIG');
    }
    expect(JSON.stringify(table.route({}, 0))).toBe(before);
    expect(ended).toEqual([]);
    expect(twins).toEqual(['s ws://127.0.0.1:9', 'a ws://127.0.0.1:9']);
    expect(table.register(2, slave('s', 5), 60_000).twin).toBe('ws://127.0.0.1:9');
    expect(table.register(2, slave('s', 5), 120_000)).not.toHaveProperty('twin');
    // It has moved: what was there before has gone.
    table.unregister(2, 0);
    table.register(3, slave('s', 5, elsewhere), 0);
    expect(routeOf()?.slaves).toMatchObject([{ name: 's', url: elsewhere.url }]);
  });

  it('is not taken in turns by two that say one address', () => {
    const [one, two] = [slave('s', 5), slave('s', 5, { openingId: elsewhere.openingId })];
    table.register(1, one, 0);
    table.register(2, two, 0);
    expect(ended).toEqual([[1, 'replaced']]);
    expect(codeOf(() => table.register(3, one, 0))).toBe('BAD_CONFIG');
    expect(ended).toHaveLength(1);
    table.unregister(2, 0);
    table.register(3, one, 0);
    expect(codeOf(() => table.register(4, two, 0))).toBe('no error');
  });

  it('of a master stays with who has it, also where a copy of it was started more often; one whose term is over hears so', () => {
    table.register(1, master(5), 0);
    const later = master(7, 'a', elsewhere);
    expect(codeOf(() => table.register(2, later, 0))).toBe('BAD_CONFIG');
    expect(routeOf()?.master).toMatchObject({ epoch: 5 });
    // What had the name is gone, or was cut off.
    table.unregister(1, 0);
    table.register(2, later, 0);
    expect(table.register(3, master(5), 0)).toMatchObject({ epoch: 7, master: { url: elsewhere.url } });
    expect(codeOf(() => table.registerTopics(3, allTopics([])))).toBe('BAD_ARGUMENT');
    // As a slave of its own name it is refused.
    expect(codeOf(() => table.register(3, slave('a', 5), 0))).toBe('BAD_CONFIG');
    expect(ended).toEqual([]);
    expect(routeOf()?.master).toMatchObject({ url: elsewhere.url });
  });
});

describe('slaves', () => {
  it('are in the route, in sync as their master says, also once it is away', () => {
    const replica = { name: 's', inSync: true, received: 10, flushed: 5, lagBytes: 3, lagMs: 7 };
    table.register(1, slave('s'), 0);
    expect(routeOf()).toMatchObject({ master: null, slaves: [{ name: 's', inSync: false }] });
    table.register(2, master(1, 'a', { replicas: [replica] }), 0);
    expect(routeOf()?.slaves).toMatchObject([{ name: 's', inSync: true }]);
    expect(table.status(null, 0).brokers).toMatchObject([
      { name: 'a', isMaster: true, inSync: null },
      { name: 's', isMaster: false, inSync: true, lagBytes: 3, lagMs: 7 },
    ]);
    table.unregister(2, 0);
    expect(routeOf()).toMatchObject({ master: null, slaves: [{ name: 's', inSync: true }] });
  });

  it('of another log, or of none yet, are not', () => {
    table.register(1, master(1), 0);
    table.register(2, slave('s', 0, { brokerId: '' }), 0);
    table.register(3, slave('t', 1, { brokerId: OTHER_LOG }), 0);
    expect(routeOf()?.slaves).toEqual([]);
    expect(table.status(null, 0).brokers).toHaveLength(3);
    table.register(2, slave('s', 1), 0);
    expect(routeOf()?.slaves).toMatchObject([{ name: 's' }]);
  });
});

describe('time', () => {
  it('puts away who is not heard of, and forgets who is away', () => {
    table.register(1, master(1), 0);
    table.expire(119_999);
    expect(routeOf()?.master?.name).toBe('a');
    table.register(1, master(1), 119_999);
    table.expire(239_998);
    expect(ended).toEqual([]);
    table.expire(239_999);
    expect(ended).toEqual([[1, 'silent']]);
    expect(routeOf()).toEqual({ set: 'a', master: null, slaves: [] });
    table.expire(359_998);
    expect(routeOf()).toBeDefined();
    table.expire(359_999);
    expect(table.route({}, 0).sets).toEqual([]);
    expect(table.brokerCount).toBe(0);
  });

  it('does not change what is registered when it is the same again', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t')]));
    const before = changed.length;
    for (let i = 1; i < 50; i++) {
      table.register(1, master(1, 'a', { end: 4096 * i, flushed: 4096 * i }), i * 1000);
      table.expire(i * 1000);
    }
    expect(changed).toHaveLength(before);
  });
});

describe('a connection', () => {
  it('takes over from one of the same broker, which is ended', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t')]));
    const answer = table.register(2, master(2, 'a', { openingId: 'fedcba9876543210' }), 0);
    expect(answer.revision).toBeNull();
    expect(ended).toEqual([[1, 'replaced']]);
    // What it told stays until the new one has told all of it again.
    expect(table.topicRoute({ topic: 't' }).sets).toHaveLength(1);
    table.unregister(1, 0);
    expect(routeOf()?.master?.name).toBe('a');
    table.registerTopics(2, allTopics([topicOf('u')], { more: true }));
    expect(table.topicRoute({ topic: 't' }).sets).toHaveLength(1);
    expect(codeOf(() => table.topicRoute({ topic: 'u' }))).toBe('TOPIC_NOT_FOUND');
    table.registerTopics(2, allTopics([topicOf('v')], { from: 1, revision: 2 }));
    expect(codeOf(() => table.topicRoute({ topic: 't' }))).toBe('TOPIC_NOT_FOUND');
    expect(table.topicRoute({ topic: 'v' }).sets).toHaveLength(1);
  });

  it('speaks for one broker', () => {
    table.register(1, master(1), 0);
    expect(codeOf(() => table.register(1, master(1, 'b', { set: 'b' }), 0))).toBe('BAD_ARGUMENT');
    expect(codeOf(() => table.registerTopics(9, allTopics([])))).toBe('BAD_ARGUMENT');
  });

  it('that lost count of its topics is told where to go on', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t')], { revision: 7 }));
    expect(codeOf(() => table.registerTopics(1, allTopics([], { from: 3, revision: 8 })))).toBe(
      'BAD_ARGUMENT',
    );
    expect(table.register(1, master(1), 0).revision).toBe(7);
  });
});

describe('topics', () => {
  it('are told as they change, page by page, and those of a set are its slave’s when its master is away', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t'), topicOf('u')]));
    const first = table.topicChanges({ since: 0, limit: 1 });
    expect(first).toMatchObject({ complete: false, topics: [{ topic: 't' }] });
    const second = table.topicChanges({ since: first.version, limit: 1 });
    expect(second).toMatchObject({ complete: true, topics: [{ topic: 'u' }] });
    table.register(2, slave('s'), 0);
    table.registerTopics(2, allTopics([topicOf('t')]));
    expect(table.topicChanges({ since: second.version }).topics).toEqual([]);
    table.unregister(1, 0);
    expect(table.topicChanges({ since: second.version }).topics).toEqual([
      { topic: 'u', sets: [], belongsTo: null, deletedUpTo: null },
    ]);
    expect(codeOf(() => table.topicRoute({ topic: 'u' }))).toBe('TOPIC_NOT_FOUND');
  });

  it('deleted elsewhere are not routed to, though their set does not know yet', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t', { createdTime: 10 })]));
    table.register(2, master(1, 'b', { set: 'b', brokerId: OTHER_LOG }), 0);
    table.registerTopics(2, allTopics([], { tombstones: [{ topic: 't', createdTime: 10 }] }));
    expect(codeOf(() => table.topicRoute({ topic: 't' }))).toBe('TOPIC_NOT_FOUND');
    table.registerTopics(2, allTopics([topicOf('t', { createdTime: 11 })], { from: 1, revision: 2 }));
    expect(table.topicRoute({ topic: 't' }).sets).toMatchObject([{ set: 'b' }]);
  });

  it('of sets that are away stay where they were, so that a key keeps its queue', () => {
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t')]));
    table.unregister(1, 0);
    table.expire(119_999);
    expect(table.topicRoute({ topic: 't' }).sets).toMatchObject([{ set: 'a' }]);
    table.expire(120_000);
    expect(codeOf(() => table.topicRoute({ topic: 't' }))).toBe('TOPIC_NOT_FOUND');
  });
});

describe('limits', () => {
  it('of clusters, sets, brokers and topics are BROKER_BUSY, and nothing of it is kept', () => {
    for (let i = 0; i < MAX_CLUSTERS; i++) {
      table.register(i, registration({ cluster: `c${i}` }), 0);
    }
    expect(codeOf(() => table.register(999, registration({ cluster: 'more' }), 0))).toBe('BROKER_BUSY');
    table = open();
    for (let i = 0; i < MAX_SETS_PER_CLUSTER; i++) {
      table.register(i, registration({ name: `n${i}`, set: `n${i}` }), 0);
    }
    expect(codeOf(() => table.register(999, registration({ name: 'more', set: 'more' }), 0))).toBe(
      'BROKER_BUSY',
    );
    table = open();
    for (let i = 0; i < MAX_BROKERS_PER_SET; i++) {
      table.register(i, slave(`s${i}`), 0);
    }
    expect(codeOf(() => table.register(999, slave('more'), 0))).toBe('BROKER_BUSY');
    table = open({ maxTopics: 2 });
    table.register(1, master(1), 0);
    table.registerTopics(1, allTopics([topicOf('t')]));
    const two = allTopics([topicOf('u'), topicOf('v')], { from: 1, revision: 2 });
    expect(codeOf(() => table.registerTopics(1, two))).toBe('BROKER_BUSY');
    expect(table.topicChanges({ since: 0 }).topics).toHaveLength(1);
  });

  it('of brokers in all make room by whoever is away for longest', () => {
    table = open({ maxBrokers: 2 });
    table.register(1, master(1, 'a'), 0);
    table.register(2, slave('s'), 0);
    expect(codeOf(() => table.register(3, slave('t'), 0))).toBe('BROKER_BUSY');
    table.unregister(2, 0);
    table.register(3, slave('t'), 0);
    expect(table.status(null, 0).brokers.map(({ name }) => name)).toEqual(['a', 't']);
  });
});

describe('a name server of several clusters', () => {
  it('is asked for one by name, or means the only one, or the one called default', () => {
    expect(table.route({}, 5)).toEqual({ cluster: 'default', version: 0, upMs: 5, sets: [] });
    table.register(1, registration({ cluster: 'east' }), 0);
    expect(table.route({}, 0)).toMatchObject({ cluster: 'east', sets: [{ set: 'a' }] });
    table.register(2, registration({ cluster: 'west' }), 0);
    expect(table.route({}, 0)).toMatchObject({ cluster: 'default', sets: [] });
    expect(table.route({ cluster: 'west' }, 0).sets).toHaveLength(1);
  });
});

describe('in whatever order brokers come and go', () => {
  const names = ['a', 'b', 'c'];
  const steps = fc.array(
    fc.record({
      link: fc.nat(5),
      name: fc.constantFrom(...names),
      role: fc.constantFrom('master' as const, 'slave' as const),
      epoch: fc.integer({ min: 1, max: 4 }),
      leaves: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  it('the master is the one that is there, calls itself one, and has the highest epoch anybody named', () => {
    fc.assert(
      fc.property(steps, (given) => {
        table = open();
        const there = new Map<number, BrokerRegistration>();
        let highest = 0;
        let version = 0;
        for (const { link, name, role, epoch, leaves } of given) {
          if (leaves) {
            table.unregister(link, 0);
            there.delete(link);
          } else if ((there.get(link)?.name ?? name) === name) {
            for (const [other, { name: its }] of [...there]) {
              if (its === name && other !== link) {
                there.delete(other);
              }
            }
            const registered = registration({ name, set: 'a', role, epoch });
            table.register(link, registered, 0);
            there.set(link, registered);
            highest = Math.max(highest, epoch);
          }
          const masters = [...there.values()].filter(
            (each) => each.role === 'master' && each.epoch === highest,
          );
          const expected =
            masters
              .map((each) => each.name)
              .sort()
              .at(-1) ?? null;
          expect(routeOf()?.master?.name ?? null).toBe(expected);
          const route = table.route({}, 0);
          expect(route.version).toBeGreaterThanOrEqual(version);
          version = route.version;
        }
      }),
      { numRuns: 500 },
    );
  });
});
