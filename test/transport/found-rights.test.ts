/** A message that is asked for by its id alone is of a topic that only the answer names: who may not read it is told of none. */
import { expect, it } from 'vitest';
import { type FindResult, type Grant, Rights } from '../../native-free/wire/index.js';
import { filteredAnswer } from '../../transport/auth/filtered-pages.js';
import { checkMethod } from '../../transport/auth/method-rights.js';

const FOUND: FindResult = {
  topic: 'orders',
  messages: [],
  damage: [{ queueId: 0, offset: 3, message: 'log position 64: it is damaged' }],
  cursor: null,
  complete: true,
};
const NOTHING = { topic: null, messages: [], damage: [], cursor: null, complete: true };
const ask = () => Promise.resolve(FOUND);
const of = (...grants: Grant[]): Rights => new Rights(grants);

it('by id, the right to subscribe to its topic is needed', async () => {
  const params = { id: '0'.repeat(34) };
  const readers = of({ right: 'subscribe', resource: 'topic:orders' });
  expect(await filteredAnswer('findMessages', params, readers, ask)).toEqual(FOUND);
  const others = [
    of(),
    of({ right: 'publish', resource: 'topic:orders' }),
    of({ right: 'subscribe', resource: 'topic:other' }),
  ];
  for (const rights of others) {
    expect(await filteredAnswer('findMessages', params, rights, ask)).toEqual(NOTHING);
    const principal = { user: 'shop', rights } as Parameters<typeof checkMethod>[2];
    expect(() => checkMethod('findMessages', params, principal)).not.toThrow();
    expect(() => checkMethod('findMessages', { ...params, topic: 'orders' }, principal)).toThrow(
      /no right|there is no topic/,
    );
  }
});

it('groups that the user does not see are not among those that have consumed a message', async () => {
  const groups = ['a', 'b', 'c'].map((group) => ({ group, committedOffset: 1, consumed: true }));
  const rights = of(
    { right: 'subscribe', resource: 'topic:orders' },
    { right: 'subscribe', resource: 'group:b' },
  );
  const answer = await filteredAnswer('consumedBy', { topic: 'orders', queueId: 0, offset: 0 }, rights, () =>
    Promise.resolve({ groups, cursor: null, complete: true }),
  );
  expect(answer).toMatchObject({ groups: [{ group: 'b' }], complete: true });
});
