/** A coordinator with a clock, queues and consumers that can be told what to do, and that check what they are told. */
import { expect } from 'vitest';
import type { CoordinatorOptions } from '../../engine/group/coordinator-options.js';
import { GroupCoordinator, GroupOffsets, REVOKE_TIMEOUT_MS } from '../../engine/group/index.js';
import { MetaState } from '../../engine/meta/meta-state.js';
import type { ControlEvent, StartPosition } from '../../native-free/wire/index.js';

export interface TestTopic {
  topic: string;
  topicId: number;
  queues: number;
}

interface Holding {
  generation: number;
  offset: number;
  /** When it was told to give the queue up; null: not yet. */
  revokedAt: number | null;
}

/** A consumer's own view: what it may read follows from the events it has had, nothing else. */
export class TestMember {
  readonly key: string;
  readonly group: string;
  readonly topic: TestTopic;
  readonly holdings = new Map<number, Holding>();
  readonly events: ControlEvent[] = [];
  memberId = '';
  ended: string | null = null;
  readonly #harness: GroupHarness;

  constructor(harness: GroupHarness, key: string, group: string, topic: TestTopic) {
    this.#harness = harness;
    this.key = key;
    this.group = group;
    this.topic = topic;
  }

  take(event: ControlEvent): void {
    this.events.push(event);
    if (event.event === 'assign') {
      for (const { queueId, generation, offset } of event.queues) {
        this.#harness.checkAssignment(this, queueId, generation, offset);
        this.holdings.set(queueId, { generation, offset, revokedAt: null });
      }
    } else if (event.event === 'revoke') {
      for (const { queueId, generation } of event.queues) {
        const holding = this.holdings.get(queueId) as Holding;
        expect(holding.generation).toBe(generation);
        expect(holding.revokedAt).toBe(null);
        holding.revokedAt = this.#harness.time;
      }
    } else if (event.event === 'ended') {
      this.ended = event.code;
      this.holdings.clear();
      this.#harness.members.delete(this.key);
    }
  }

  /** Queues it was told to give up and has not. */
  revoked(): { queueId: number; generation: number }[] {
    return [...this.holdings]
      .filter(([, holding]) => holding.revokedAt !== null)
      .map(([queueId, { generation }]) => ({ queueId, generation }));
  }

  queues(): number[] {
    return [...this.holdings.keys()].sort((a, b) => a - b);
  }

  release(): void {
    const queues = this.revoked();
    for (const { queueId } of queues) {
      this.holdings.delete(queueId);
    }
    this.#harness.coordinator.held.released(this.key, queues);
  }

  commit(
    queueId: number,
    offset: number,
    generation = this.holdings.get(queueId)?.generation ?? 0,
  ): number[] {
    return this.#harness.coordinator.held.commit(this.key, [{ queueId, generation, offset }]);
  }

  leave(): void {
    this.#harness.members.delete(this.key);
    this.holdings.clear();
    this.#harness.coordinator.leave(this.key);
  }

  /** Its connection is gone, without a word. */
  lose(): void {
    this.#harness.members.delete(this.key);
    this.holdings.clear();
    this.#harness.coordinator.lost(this.key);
  }
}

type Limits = Pick<
  CoordinatorOptions,
  'maxGroups' | 'maxMembersPerGroup' | 'maxGroupQueues' | 'queuesAtOnce'
>;

export class GroupHarness {
  readonly state = new MetaState();
  readonly offsets = new GroupOffsets({
    state: this.state,
    appendNumber: (kind, group, topicId, queueId, value) => {
      const queues = this.state.topics.get(topicId)?.queues as number;
      this.state[kind].set(group, topicId, queues, queueId, value);
    },
    appendLater: (record) => this.state.apply(record),
  });
  readonly members = new Map<string, TestMember>();
  time = 0;
  epoch = 0;
  /** What each look at the clock takes. */
  tickMs = 0;
  minOffset = 0;
  maxOffset = 1_000;
  runWanted = false;
  persists = 0;
  coordinator: GroupCoordinator;
  /** Look-ups by time that wait for their answer. */
  lookups: { time: number; answer(offset: number): void; fail(error: Error): void }[] = [];
  readonly #limits: Limits;
  readonly #generations = new Map<string, number>();
  #nextKey = 0;

  constructor(limits: Limits = {}) {
    this.#limits = limits;
    this.coordinator = this.restart();
  }

  /** A new coordinator in the next epoch; nobody is in a group, and offsets are as they were. */
  restart(): GroupCoordinator {
    this.members.clear();
    this.lookups = [];
    let ids = 0;
    this.epoch++;
    this.coordinator = new GroupCoordinator({
      epoch: this.epoch,
      offsets: this.offsets,
      ...this.#limits,
      hooks: {
        now: () => {
          this.time += this.tickMs;
          return this.time;
        },
        newMemberId: () => `m${this.epoch}.${ids++}`,
        queueState: () => ({ minOffset: this.minOffset, maxOffset: this.maxOffset }),
        findOffsetByTime: (_topicId, _queueId, time) =>
          new Promise((answer, fail) => this.lookups.push({ time, answer, fail })),
        wantRun: () => {
          this.runWanted = true;
        },
        persist: (send) => {
          this.persists++;
          send();
        },
      },
    });
    return this.coordinator;
  }

  addTopic(topicId: number, queues: number): TestTopic {
    const topic = { topic: `topic-${topicId}`, topicId, queues };
    this.state.apply({ type: 'topicCreated', ...topic, memory: false, createdTime: 0 });
    return topic;
  }

  /** The log has it, then those who share it. */
  growTopic({ topic, topicId }: TestTopic, queues: number): void {
    const grown = { topic, topicId, queues };
    this.state.apply({ type: 'topicCreated', ...grown, memory: false, createdTime: 0 });
    this.coordinator.growTopic(grown);
  }

  join(
    group: string,
    topic: TestTopic,
    options: { from?: StartPosition; filter?: string; memberId?: string } = {},
  ): TestMember {
    const member = new TestMember(this, `0/${this.#nextKey++}`, group, topic);
    member.memberId = this.coordinator.join({
      key: member.key,
      group,
      topic,
      filter: options.filter ?? '*',
      from: options.from ?? 'earliest',
      memberId: options.memberId ?? null,
      send: (event) => member.take(event),
    });
    this.members.set(member.key, member);
    return member;
  }

  run(): void {
    while (this.runWanted) {
      this.runWanted = false;
      this.runPiece();
    }
  }

  /** As much as is settled in one turn. */
  runPiece(): void {
    const isSettled = this.coordinator.run();
    this.runWanted ||= !isSettled;
  }

  /** Lets promises that are settled be seen, and runs. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.run();
  }

  /** A queue is given only when nobody else may still read it, with a generation above all before. */
  checkAssignment(to: TestMember, queueId: number, generation: number, offset: number): void {
    for (const member of this.members.values()) {
      const holding = member.holdings.get(queueId);
      if (member.group === to.group && member.topic === to.topic && holding !== undefined) {
        expect(holding.revokedAt).not.toBe(null);
        expect(this.time - (holding.revokedAt as number)).toBeGreaterThanOrEqual(REVOKE_TIMEOUT_MS);
        member.holdings.delete(queueId);
      }
    }
    const name = `${to.group}/${to.topic.topicId}/${queueId}`;
    expect(generation).toBeGreaterThan(this.#generations.get(name) ?? 0);
    this.#generations.set(name, generation);
    const position = this.offsets.position(to.group, to.topic.topicId, queueId) as number;
    const latest = Math.max(position, this.minOffset);
    if (this.#limits.queuesAtOnce === undefined) {
      expect(offset).toBe(latest);
    } else {
      // It was settled some pieces before it is told, and old messages may have gone meanwhile.
      expect(offset).toBeGreaterThanOrEqual(position);
      expect(offset).toBeLessThanOrEqual(latest);
    }
  }

  membersOf(group: string, topic: TestTopic): TestMember[] {
    return [...this.members.values()].filter((member) => member.group === group && member.topic === topic);
  }

  /** Everybody answers everything until nothing moves; then every queue has an owner, evenly. */
  async checkAtRest(group: string, topic: TestTopic): Promise<void> {
    await this.turn();
    while (this.lookups.length > 0 || [...this.members.values()].some((each) => each.revoked().length > 0)) {
      for (const lookup of this.lookups.splice(0)) {
        lookup.answer(500);
      }
      for (const member of this.members.values()) {
        member.release();
      }
      await this.turn();
    }
    const members = this.membersOf(group, topic);
    if (members.length === 0) {
      expect(this.coordinator.share(group, topic.topicId)).toBe(undefined);
      return;
    }
    const held = members.map((member) => member.queues());
    expect(held.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: topic.queues }, (_, i) => i));
    const sizes = held.map((queues) => queues.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    for (const member of members) {
      for (const queueId of member.queues()) {
        const share = this.coordinator.share(group, topic.topicId);
        expect(share?.owner(queueId)?.memberId).toBe(member.memberId);
      }
    }
  }
}
