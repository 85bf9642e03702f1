/** A consumer whose broker follows a script: what its tests share. */
import {
  type Client,
  type ConsumedMessage,
  type Consumer,
  type ConsumerOptions,
  createClient,
} from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

export async function closeClient(): Promise<void> {
  await client?.close();
  client = undefined;
}

/** A consumer of a broker that assigns what it is told to. */
export async function setUp(
  options: Partial<ConsumerOptions> = {},
  assign: { queueId: number; generation: number; offset: number }[] = [
    { queueId: 0, generation: 1, offset: 0 },
  ],
): Promise<{ broker: ScriptedBroker; client: Client; consumer: Consumer }> {
  const broker = new ScriptedBroker();
  broker.methods['join'] = (params, link) => {
    broker.later(link, () => link.event(Number(params['consumer']), { event: 'assign', queues: assign }));
    return { memberId: 'm-1', topic: broker.topics.get('t') };
  };
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  const consumer = client.consumer({ group: 'g', topic: 't', commitIntervalMs: 5, ...options });
  return { broker, client, consumer };
}

export function texts(...bodies: string[]) {
  return bodies.map((body) => ({ topic: 't', body }));
}

/** Reads `count` messages, then leaves the loop. */
export async function take(consumer: Consumer, count: number, ack = true): Promise<ConsumedMessage[]> {
  const taken: ConsumedMessage[] = [];
  for await (const message of consumer) {
    taken.push(message);
    if (ack) {
      await message.ack();
    }
    if (taken.length === count) {
      break;
    }
  }
  return taken;
}

/** What each commit said. */
export function committed(broker: ScriptedBroker): unknown[] {
  return broker.called('commit').map(({ offsets }) => offsets);
}
