/** A topic's way over two brokers, one of which changes while the other has not answered. */
import { expect, test } from 'vitest';
import type { BrokerLink, Brokers, TopicPlace } from '../../native-free/client/brokers.js';
import type { ProduceLane } from '../../native-free/client/produce/produce-lane.js';
import { type RoutesOwner, TopicRoutes } from '../../native-free/client/produce/topic-routes.js';

const [a, b] = [{ set: 'a' }, { set: 'b' }] as BrokerLink[];

/** Brokers that answer when they are told to. */
function rig() {
  const asked: ((queues: readonly [number, number]) => void)[] = [];
  const brokers = {
    trouble: null,
    forget() {},
    places: () =>
      new Promise<readonly TopicPlace[]>((resolve) => {
        asked.push((queues) =>
          resolve(
            [a, b].map((link, i) => ({
              link: link as BrokerLink,
              info: { topic: 't', topicId: 1, queues: queues[i] as number, memory: false, createdTime: 0 },
            })),
          ),
        );
      }),
  } as unknown as Brokers;
  const givenUp: number[] = [];
  const owner: RoutesOwner = {
    laneTo: (link) => ({ link }) as ProduceLane,
    onFound() {},
    onNotFound() {},
    onGivenUp: ({ queues }) => givenUp.push(queues),
    onProgress() {},
  };
  const routes = new TopicRoutes(brokers, { timeoutMs: 60_000, movesKeys: false }, owner);
  const answer = async (...queues: [number, number]) => {
    await expect.poll(() => asked.length, { timeout: 100_000 }).toBeGreaterThan(0);
    asked.shift()?.(queues);
    await new Promise(setImmediate);
  };
  return { routes, answer, givenUp, queues: () => routes.known('t')?.queues, asked };
}

test('what is told while a topic is asked for at first is asked again, and messages go on meanwhile', async () => {
  for (const tell of ['lookAgain', 'forget'] as const) {
    const { routes, answer, queues, asked } = rig();
    routes.to('t');
    routes[tell]('t');
    await answer(1, 1);
    expect(queues()).toBe(2);
    await answer(3, 1);
    expect(queues()).toBe(4);
    expect(asked).toEqual([]);
  }
});

test('what is told while a topic is looked for again is not lost, whichever broker it is of', async () => {
  const { routes, answer, queues, givenUp, asked } = rig();
  routes.to('t');
  await answer(1, 1);
  routes.lookAgain('t');
  routes.lookAgain(null);
  routes.lookAgain('t');
  await answer(1, 3);
  expect(queues()).toBe(4);
  await answer(3, 3);
  expect(queues()).toBe(6);
  expect(givenUp).toEqual([2, 4]);
  expect(asked).toEqual([]);
});
