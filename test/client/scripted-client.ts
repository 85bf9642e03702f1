/** Clients of a scripted broker. They end with their test, without waiting for what is under way. */
import { afterEach } from 'vitest';
import {
  type Client,
  type ClientOptions,
  createClient,
  type Producer,
  type ProducerOptions,
} from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

const opened: Client[] = [];

afterEach(async () => {
  const signal = AbortSignal.abort();
  await Promise.allSettled(opened.splice(0).map((client) => client.close({ signal })));
});

/** Is closed after the test. */
export async function kept(connecting: Promise<Client>): Promise<Client> {
  const client = await connecting;
  opened.push(client);
  return client;
}

export async function scriptedClient(
  options: ClientOptions = {},
): Promise<{ broker: ScriptedBroker; client: Client }> {
  const broker = new ScriptedBroker();
  const quick = { reconnectMinMs: 1, reconnectMaxMs: 5 };
  return { broker, client: await kept(createClient(broker.factory, { ...quick, ...options })) };
}

export async function scriptedProducer(
  options: ProducerOptions = {},
): Promise<{ broker: ScriptedBroker; client: Client; producer: Producer }> {
  const { broker, client } = await scriptedClient();
  return { broker, client, producer: client.producer(options) };
}

/** One message is stored, in whichever try is in time: the producer knows its topic then. */
export async function warmUp(producer: Producer): Promise<void> {
  let isStored = false;
  while (!isStored) {
    isStored = await producer.send({ topic: 't', body: 'warm' }).then(
      () => true,
      () => false,
    );
  }
}
