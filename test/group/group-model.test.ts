/** Random histories of a coordinator; the consumers of the harness check every event, this checks the rest. */

import { expect } from 'vitest';
import type { StartPosition } from '../../native-free/wire/index.js';
import { fc, test } from '../properties.js';
import { GroupHarness, type TestMember, type TestTopic } from './group-harness.js';

const GROUPS = ['billing', 'audit'];

type Step =
  | { do: 'join'; group: number; topic: number; from: StartPosition }
  | { do: 'rejoin'; member: number }
  | { do: 'leave'; member: number }
  | { do: 'lose'; member: number }
  | { do: 'release'; member: number }
  | { do: 'releaseAgain'; member: number }
  | { do: 'commit'; member: number; queueId: number; offset: number; age: number }
  | { do: 'wait'; ms: number }
  | { do: 'lookup'; offset: number }
  | { do: 'retain'; minOffset: number }
  | { do: 'run' }
  | { do: 'restart' };

const member = fc.nat(9);
const from: fc.Arbitrary<StartPosition> = fc.oneof(
  fc.constant<StartPosition>('earliest'),
  fc.constant<StartPosition>('latest'),
  fc.record({ time: fc.nat(1_000) }),
  fc.record({ offset: fc.nat(2_000) }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('join' as const), group: fc.nat(1), topic: fc.nat(1), from }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rejoin' as const), member }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), member }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), member }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), member }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('releaseAgain' as const), member }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      member,
      queueId: fc.nat(6),
      offset: fc.nat(1_000),
      age: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(11_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lookup' as const), offset: fc.nat(2_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retain' as const), minOffset: fc.nat(900) }) },
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'run' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
);

class Model {
  readonly harness: GroupHarness;
  readonly topics: TestTopic[];
  /** Each run settles two queues, and the rest waits for the next. */
  readonly #isInPieces: boolean;
  readonly committed = new Map<string, number>();

  constructor(isInPieces: boolean) {
    this.#isInPieces = isInPieces;
    this.harness = new GroupHarness(isInPieces ? { queuesAtOnce: 2 } : {});
    this.harness.tickMs = isInPieces ? 6 : 0;
    this.topics = [this.harness.addTopic(1, 7), this.harness.addTopic(2, 3)];
  }

  pick(index: number): TestMember | undefined {
    const all = [...this.harness.members.values()];
    return all[index % Math.max(1, all.length)];
  }

  async step(step: Step): Promise<void> {
    const { harness } = this;
    const one = 'member' in step ? this.pick(step.member) : undefined;
    switch (step.do) {
      case 'join':
        harness.join(GROUPS[step.group] as string, this.topics[step.topic] as TestTopic, { from: step.from });
        break;
      case 'rejoin':
        if (one !== undefined) {
          harness.join(one.group, one.topic, { memberId: one.memberId });
          expect(one.ended).toBe('NOT_A_MEMBER');
        }
        break;
      case 'leave':
        one?.leave();
        break;
      case 'lose':
        one?.lose();
        break;
      case 'release':
        one?.release();
        break;
      case 'releaseAgain':
        // An answer that comes too late, or twice, names generations that are gone.
        one?.release();
        if (one !== undefined) {
          harness.coordinator.held.released(
            one.key,
            Array.from({ length: one.topic.queues }, (_, queueId) => ({ queueId, generation: 1 })),
          );
        }
        break;
      case 'commit':
        if (one !== undefined && step.queueId < one.topic.queues) {
          this.commit(one, step.queueId, step.offset, step.age);
        }
        break;
      case 'wait':
        harness.time += step.ms;
        harness.coordinator.expire();
        break;
      case 'lookup':
        harness.lookups.shift()?.answer(step.offset);
        await harness.turn();
        break;
      case 'retain':
        harness.minOffset = Math.max(harness.minOffset, step.minOffset);
        break;
      case 'run':
        if (this.#isInPieces) {
          harness.runPiece();
        } else {
          harness.run();
        }
        break;
      case 'restart':
        harness.restart();
        break;
    }
    this.checkCommits();
  }

  commit(by: TestMember, queueId: number, offset: number, age: number): void {
    const share = this.harness.coordinator.share(by.group, by.topic.topicId);
    const generation = (by.holdings.get(queueId)?.generation ?? 5) - age;
    const mayCommit =
      share?.owner(queueId)?.memberId === by.memberId && share.generation(queueId) === generation;
    const before = this.harness.offsets.position(by.group, by.topic.topicId, queueId);
    const fenced = by.commit(queueId, offset, generation);
    expect(fenced).toEqual(mayCommit ? [] : [queueId]);
    const after = this.harness.offsets.position(by.group, by.topic.topicId, queueId);
    expect(after).toBe(mayCommit ? Math.max(before ?? 0, offset) : before);
  }

  checkCommits(): void {
    for (const { group, topicId, pairs } of this.harness.state.offsets.entries()) {
      for (let i = 0; i < pairs.length; i += 2) {
        const name = `${group}/${topicId}/${pairs[i]}`;
        expect(pairs[i + 1]).toBeGreaterThanOrEqual(this.committed.get(name) ?? 0);
        this.committed.set(name, pairs[i + 1] as number);
      }
    }
  }

  async checkAtRest(): Promise<void> {
    for (const group of GROUPS) {
      for (const topic of this.topics) {
        await this.harness.checkAtRest(group, topic);
      }
    }
  }
}

test.prop([fc.array(step, { maxLength: 60 }), fc.boolean()], { numRuns: 1_000 })(
  'one owner at most, generations and commits that grow, and an even rest',
  async (steps, isInPieces) => {
    const model = new Model(isInPieces);
    for (const each of steps) {
      await model.step(each);
    }
    await model.checkAtRest();
  },
);
