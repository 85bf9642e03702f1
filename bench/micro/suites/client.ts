import { createClient } from '../../../native-free/client/internal.js';
import type { OutgoingMessage, Producer } from '../../../native-free/client/types.js';
import { AckingLink } from '../acking-link.js';
import type { MicroCase, MicroSuite } from '../micro-case.js';
import { MESSAGE_100, TAGGED_TEXT } from '../sample-batch.js';

const IN_FLIGHT = 65_536;

/** What a client spends on a message in all, without a broker: over a link that acks at once. */
export const clientSuite: MicroSuite = {
  name: 'client',
  open: async () => {
    const client = await createClient(async () => new AckingLink());
    // benny calls each case once before it runs any, and does not wait: what that leaves under way must not
    // be in another's way.
    return [
      writing('write 100 B, until false, then ready', client.producer(), MESSAGE_100),
      writing('write a text with tag and key', client.producer(), TAGGED_TEXT),
      sending(client.producer()),
      sendingOneByOne(client.producer()),
    ];
  },
};

function writing(name: string, producer: Producer, message: OutgoingMessage): MicroCase {
  const count = 200_000;
  const run = async (): Promise<void> => {
    for (let i = 0; i < count; i++) {
      if (!producer.write(message)) {
        await producer.ready();
      }
    }
    await producer.flush();
  };
  return { name, unit: 'record', count, run };
}

function sending(producer: Producer): MicroCase {
  const promises = new Array<Promise<unknown>>(IN_FLIGHT);
  const run = async (): Promise<void> => {
    for (let i = 0; i < IN_FLIGHT; i++) {
      promises[i] = producer.send(MESSAGE_100);
    }
    await Promise.all(promises);
  };
  return { name: 'send 100 B, 64 Ki in flight, a receipt each', unit: 'record', count: IN_FLIGHT, run };
}

function sendingOneByOne(producer: Producer): MicroCase {
  const count = 1000;
  const run = async (): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await producer.send(MESSAGE_100);
    }
  };
  return { name: 'send 100 B, one at a time', unit: 'record', count, run };
}
