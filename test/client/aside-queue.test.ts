/** A queue that is read at a slave by a thread that does other work for long. */
import { expect, test } from 'vitest';
import { AsideQueue } from '../../native-free/client/consume/aside-queue.js';
import { Inbox } from '../../native-free/client/consume/inbox.js';
import { makeConnection } from '../../native-free/client/make-connection.js';
import { stampedBatch } from './batches.js';
import { ScriptedBroker } from './scripted-broker.js';

test('what a slave sends while the thread is held is read, and the slave is not given up for its silence', async () => {
  const broker = new ScriptedBroker();
  broker.methods['join'] = (params, link) => {
    const consumer = Number(params['consumer']);
    broker.later(link, () => {
      link.event(consumer, { event: 'assign', queues: [{ queueId: 0, generation: 1, offset: 0 }] });
      link.deliver(consumer, [stampedBatch([{ topic: 't', body: 'old' }])]);
    });
    return { memberId: 'm-1', topic: broker.topics.get('t') };
  };
  const connection = makeConnection(broker.factory, {});
  await connection.open(undefined);
  const end = await new Promise((resolve) => {
    const options = { topic: 't', topicId: 7, queueId: 0, filter: '*', offset: 0, until: 1 };
    new AsideQueue(connection, {
      ...{ ...options, windowBytes: 65_536, inbox: new Inbox(65_536, () => {}), onChange: () => {} },
      onEnd: (next, isTrouble) => resolve({ next, isTrouble }),
    });
    // The slave has been asked; its answer comes while nobody reads it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
  });
  expect(end).toEqual({ next: 1, isTrouble: false });
  connection.close(new Error('over') as never);
});
