/** A topic that could not be opened leaves nothing behind that keeps the next one out. */
import { expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import { QUEUE_STATE, QueueTable } from '../../engine/queue/index.js';
import { STATE, STATE_WORDS, VERSION_BUSY } from '../../engine/queue/queue-table-layout.js';
import { failureOf, makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';

test('a queue that is being written all the time fails the creation, and the next one gets its slots', async () => {
  const dataDir = makeDirectory();
  const engine = await Engine.open({ ...SMALL, dataDir }, { onWarning: () => {}, onFatal: () => {} });
  try {
    const table = new QueueTable(engine.handle.queues);
    const third = 2 * STATE_WORDS + STATE.version;
    const create = () => engine.thread.call('createTopic', { topic: 'orders', queues: 4, memory: false });
    // As by a thread that was interrupted while it appended to the last queue that had this slot.
    Atomics.or(table.words, third, VERSION_BUSY);
    expect((await failureOf(create())).code).toBe('BROKER_BUSY');
    expect([0, 1, 2, 3].map((slot) => table.state(slot))).not.toContain(QUEUE_STATE.open);
    Atomics.and(table.words, third, ~VERSION_BUSY);
    expect(await create()).toMatchObject({ topic: 'orders', queues: 4 });
  } finally {
    await engine.close();
    removeDirectory(dataDir);
  }
});
