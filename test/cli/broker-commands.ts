/** A broker in a process of its own for all tests of a file, and commands that are run against it. */
import { afterAll, beforeAll } from 'vitest';
import { type Client, connect } from '../../native-free/client/index.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

/** The broker's data lies in its `data`; there is room for more. */
export let directory = '';
export let broker: BrokerProcess;
/** Makes what a test needs that is not about making it: a command costs a process. */
let client: Client;
let names = 0;

beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(`${directory}/data`, ['--flush', 'async']);
  client = await connect(broker.url);
});
afterAll(async () => {
  await client?.close();
  await broker?.stop();
  removeDirectory(directory);
});

export async function ringmq(args: readonly string[], input: string | Uint8Array = '') {
  return runCli(['--url', broker.url, ...args], { input });
}

/** The same in this process: where it is not what the test is about. */
export async function here(args: readonly string[], input: string | Uint8Array = '') {
  return runHere(['--url', broker.url, ...args], { input });
}

export async function makeTopic(queues = 1): Promise<string> {
  const topic = `topic-${++names}`;
  await client.admin().createTopic({ topic, queues });
  return topic;
}

export async function publish(topic: string, bodies: readonly string[]): Promise<void> {
  await using producer = client.producer();
  for (const body of bodies) {
    if (!producer.write({ topic, body })) {
      await producer.ready();
    }
  }
  await producer.flush();
}
