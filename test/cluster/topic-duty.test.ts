/** Topics of a cluster: whatever order joins, absences, deletions and restarts come in, all sets end with the same, and stop. */

import { describe, expect, it } from 'vitest';
import { RouteTable } from '../../engine/cluster/route-table.js';
import { topicDuty } from '../../engine/cluster/topic-duty.js';
import { TopicFeed } from '../../engine/cluster/topic-feed.js';
import type { ClusterTopic } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { registration, topicOf } from './registrations.js';

const SETS = ['a', 'b', 'c'];
const TOPICS = ['t1', 't2'];

/** A broker set with its own clock, its topics and tombstones, and what it has told and heard of each name server. */
class SimulatedSet {
  readonly name: string;
  readonly feed = new TopicFeed();
  isUp = true;
  clockMs: number;
  changes = 0;
  readonly posts = new Map<number, { link: number; told: number | null; heard: number }>();

  constructor(name: string, clockMs: number) {
    this.name = name;
    this.clockMs = clockMs;
  }

  /** With more queues than it has. */
  grow(topic: string, queues: number): void {
    const own = this.feed.get(topic);
    if (own.topic !== null && own.topic.queues < queues) {
      this.changes++;
      this.feed.set(topic, { ...own, topic: { ...own.topic, queues } });
    }
  }

  create(topic: string, createdTime: number, queues = 4): boolean {
    const own = this.feed.get(topic);
    if (own.topic !== null || createdTime <= (own.tombstone ?? -1)) {
      return false;
    }
    this.changes++;
    return this.feed.set(topic, { ...own, topic: topicOf(topic, { createdTime, queues }) });
  }

  delete(topic: string, upTo: number): void {
    const own = this.feed.get(topic);
    if (own.topic !== null && own.topic.createdTime <= upTo) {
      this.changes++;
      this.feed.set(topic, { topic: null, tombstone: Math.max(own.topic.createdTime, upTo) });
    }
  }
}

class Simulation {
  nowMs = 0;
  readonly sets = SETS.map((name, i) => new SimulatedSet(name, 1_000 + 500 * i));
  servers = [0, 1].map(() => this.#newServer());
  #nextLink = 1;

  #newServer(): RouteTable {
    return new RouteTable({}, { onChanged: () => {}, onLinkEnded: () => {} }, this.nowMs);
  }

  restart(server: number): void {
    this.servers[server] = this.#newServer();
    for (const set of this.sets) {
      set.posts.delete(server);
    }
  }

  down(set: SimulatedSet): void {
    set.isUp = false;
    for (const [server, { link }] of set.posts) {
      this.servers[server]?.unregister(link, this.nowMs);
    }
    set.posts.clear();
  }

  /** One exchange between a set and a name server: some of what is to be told, some of what is to be heard. */
  exchange(set: SimulatedSet, server: number): void {
    const table = this.servers[server];
    if (table === undefined || !set.isUp) {
      return;
    }
    let post = set.posts.get(server);
    if (post === undefined) {
      post = { link: this.#nextLink++, told: null, heard: 0 };
      set.posts.set(server, post);
    }
    const brokerId = set.name.padStart(16, '0');
    table.register(post.link, registration({ name: set.name, set: set.name, brokerId }), this.nowMs);
    const page = set.feed.page(post.told);
    if (page !== null) {
      post.told = table.registerTopics(post.link, page).revision;
    }
    const { version, topics } = table.topicChanges({ since: post.heard, limit: 2, cluster: 'default' });
    post.heard = version;
    for (const topic of topics) {
      this.#obey(set, topic);
    }
  }

  #obey(set: SimulatedSet, topic: ClusterTopic): void {
    const duty = topicDuty(topic, set.feed.get(topic.topic), set.name);
    if (duty?.do === 'create') {
      set.create(duty.topic, duty.createdTime, duty.queues);
    } else if (duty?.do === 'grow') {
      set.grow(duty.topic, duty.queues);
    } else if (duty?.do === 'delete') {
      set.delete(duty.topic, duty.upTo);
    }
  }

  /** By a client that reaches the sets that are up, or only some of them. */
  createOn(sets: SimulatedSet[], topic: string): void {
    const up = sets.filter(({ isUp }) => isUp);
    const [first] = up;
    if (first !== undefined && up.every((set) => set.feed.get(topic).topic === null)) {
      const createdTime = Math.max(
        first.clockMs++,
        ...up.map((set) => (set.feed.get(topic).tombstone ?? 0) + 1),
      );
      for (const set of up) {
        set.create(topic, createdTime);
      }
    }
  }

  growOn(sets: SimulatedSet[], topic: string, queues: number): void {
    for (const set of sets.filter(({ isUp }) => isUp)) {
      set.grow(topic, queues);
    }
  }

  deleteOn(sets: SimulatedSet[], topic: string): void {
    const up = sets.filter(({ isUp }) => isUp);
    const upTo = Math.max(...up.map((set) => set.feed.get(topic).topic?.createdTime ?? -1));
    for (const set of up) {
      set.delete(topic, upTo);
    }
  }

  /** All are there and all talk until nobody has anything to say. Returns how many changes that took. */
  settle(): number {
    for (const set of this.sets) {
      set.isUp = true;
    }
    const before = this.sets.reduce((sum, { changes }) => sum + changes, 0);
    for (let round = 0; round < 40; round++) {
      for (const set of this.sets) {
        this.exchange(set, 0);
        this.exchange(set, 1);
      }
    }
    return this.sets.reduce((sum, { changes }) => sum + changes, 0) - before;
  }

  topicsOf(set: SimulatedSet): [string, number, number][] {
    return TOPICS.flatMap((name): [string, number, number][] => {
      const { topic } = set.feed.get(name);
      return topic === null ? [] : [[name, topic.createdTime, topic.queues]];
    });
  }
}

type Step = { kind: string; set: number; server: number; topic: number; all: boolean };

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'create',
      'grow',
      'delete',
      'down',
      'up',
      'restart',
      'exchange',
      'exchange',
      'exchange',
      'clock',
    ),
    set: fc.nat(SETS.length - 1),
    server: fc.nat(1),
    topic: fc.nat(TOPICS.length - 1),
    all: fc.boolean(),
  }),
  { maxLength: 80 },
);

function play(given: readonly Step[]): Simulation {
  const world = new Simulation();
  for (const { kind, set: index, server, topic, all } of given) {
    const set = world.sets[index] as SimulatedSet;
    const name = TOPICS[topic] as string;
    world.nowMs += 10;
    switch (kind) {
      case 'create':
        world.createOn(all ? world.sets : [set], name);
        break;
      case 'grow':
        world.growOn(all ? world.sets : [set], name, 4 + server + index);
        break;
      case 'delete':
        world.deleteOn(all ? world.sets : [set], name);
        break;
      case 'down':
        world.down(set);
        break;
      case 'up':
        set.isUp = true;
        break;
      case 'restart':
        world.restart(server);
        break;
      case 'clock':
        set.clockMs = all ? set.clockMs + 10_000 : Math.max(1, set.clockMs - 10_000);
        break;
      default:
        world.exchange(set, server);
    }
  }
  return world;
}

describe('topics of a cluster', () => {
  it('end the same on all sets, and nobody goes on changing them', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const world = play(given);
        // Each set changes a topic at most so often: deletes the old one, makes the new one, and has it grow, with
        // two others that have more at most twice.
        expect(world.settle()).toBeLessThanOrEqual(4 * SETS.length * TOPICS.length);
        expect(world.settle()).toBe(0);
        const topics = world.sets.map((set) => world.topicsOf(set));
        const names = topics.map((all) => all.map(([name]) => name));
        expect(names[1]).toEqual(names[0]);
        expect(names[2]).toEqual(names[0]);
        // Of one topic; those of a name that were made apart are several.
        for (const [name, time, queues] of topics.flat()) {
          const same = topics.flat().filter((each) => each[0] === name && each[1] === time);
          expect(same.map((each) => each[2])).toEqual(same.map(() => queues));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a topic deleted while a set was away does not come back with it, whatever its clock says', () => {
    const world = new Simulation();
    world.createOn(world.sets, 't1');
    world.settle();
    const [a, b, c] = world.sets as [SimulatedSet, SimulatedSet, SimulatedSet];
    world.down(c);
    a.clockMs = 1;
    b.clockMs = 1;
    world.deleteOn([a, b], 't1');
    world.settle();
    expect(world.sets.map((set) => world.topicsOf(set))).toEqual([[], [], []]);
    // One of the same name made afterwards lives.
    world.createOn([a], 't1');
    world.settle();
    expect(world.topicsOf(c)).toEqual(world.topicsOf(a));
    expect(world.topicsOf(c)).toHaveLength(1);
  });

  it('a set that is new gets all topics that belong to all sets, and no others', () => {
    const cluster: ClusterTopic = {
      topic: 't',
      sets: [{ set: 'a', topicId: 1, queues: 8, memory: false, createdTime: 5 }],
      belongsTo: null,
      deletedUpTo: null,
    };
    const nothing = { topic: null, tombstone: null };
    expect(topicDuty(cluster, nothing, 'b')).toMatchObject({ do: 'create', queues: 8, createdTime: 5 });
    expect(topicDuty({ ...cluster, belongsTo: ['a'] }, nothing, 'b')).toBeNull();
    expect(topicDuty({ ...cluster, belongsTo: ['a', 'b'] }, nothing, 'b')).toMatchObject({
      sets: ['a', 'b'],
    });
    expect(topicDuty({ ...cluster, deletedUpTo: 5 }, nothing, 'b')).toBeNull();
    expect(topicDuty(cluster, { topic: null, tombstone: 5 }, 'b')).toBeNull();
    expect(topicDuty(cluster, { topic: null, tombstone: 4 }, 'b')).not.toBeNull();
  });

  it('a set has as many queues as the one that has most, of the same topic', () => {
    const route = { topicId: 1, memory: false, createdTime: 5 };
    const cluster: ClusterTopic = {
      topic: 't',
      sets: [
        { set: 'a', queues: 8, ...route },
        { set: 'b', queues: 4, ...route },
        { set: 'c', queues: 9, ...route, createdTime: 4 },
      ],
      belongsTo: null,
      deletedUpTo: null,
    };
    const own = (queues: number, createdTime = 5) => ({
      topic: topicOf('t', { queues, createdTime }),
      tombstone: null,
    });
    expect(topicDuty(cluster, own(4), 'b')).toEqual({ do: 'grow', topic: 't', queues: 8 });
    expect(topicDuty(cluster, own(8), 'a')).toBeNull();
    expect(topicDuty(cluster, own(9), 'a')).toBeNull();
    expect(topicDuty(cluster, own(9, 4), 'c')).toBeNull();
    expect(topicDuty({ ...cluster, deletedUpTo: 5 }, own(4), 'b')).toMatchObject({ do: 'delete' });
  });

  it('a set that has no room for more queues has the retention that was said last all the same', () => {
    const route = { topicId: 1, memory: false, createdTime: 5 };
    const cluster: ClusterTopic = {
      topic: 't',
      sets: [
        { set: 'a', queues: 8, ...route, retentionMs: 60_000, retentionSetTime: 7 },
        { set: 'b', queues: 4, ...route },
      ],
      belongsTo: null,
      deletedUpTo: null,
    };
    const own = (said: object) => ({
      topic: { ...topicOf('t', { queues: 4, createdTime: 5 }), ...said },
      tombstone: null,
    });
    expect(topicDuty(cluster, own({}), 'b')).toEqual({
      ...{ do: 'retain', topic: 't', retentionMs: 60_000, setTime: 7 },
    });
    const now = own({ retentionMs: 60_000, retentionSetTime: 7 });
    expect(topicDuty(cluster, now, 'b')).toEqual({ do: 'grow', topic: 't', queues: 8 });
  });
});
