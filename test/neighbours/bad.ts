/** Neighbours that ask for more than their share, or do not do their own. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { Client, ListenOptions } from '../../broker/index.js';
import { segmentName } from '../../engine/log/index.js';
import { BATCH, makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { BrokerProcess, makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { mapLog } from '../faults/log-map.js';
import { helloFrame } from '../transport/make-batch.js';
import { type Place, SEGMENT_BYTES } from './place.js';

/** Goes on in the background until it is stopped. */
export type Stop = () => Promise<void>;

export interface BadNeighbour {
  readonly name: string;
  /** What the listener is told, where it is a limit that is reached. */
  readonly limits?: ListenOptions;
  start(place: Place): Promise<Stop>;
}

/** Does `step` again and again, with a breath in between, until stopped. What it is refused, or loses, is its own matter. */
function again(step: () => Promise<unknown>): Stop {
  let isStopped = false;
  const loop = (async () => {
    while (!isStopped) {
      await step().catch(() => {});
      await breath();
    }
  })();
  return () => {
    isStopped = true;
    // Whoever waits for room that never comes is not waited for.
    return Promise.race([loop, new Promise<void>((resolve) => setTimeout(resolve, 200))]);
  };
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function fill(client: Client, topic: string, messages: number, bytes: number, tag = ''): Promise<void> {
  const producer = client.producer({ batchRecords: 8 });
  const body = new Uint8Array(bytes);
  for (let i = 0; i < messages; i++) {
    if (!producer.write({ topic, body, ...(tag === '' ? {} : { tag }) })) {
      await producer.ready();
    }
  }
  await producer.close();
}

/** A memory topic that is written as fast as it takes it, and read by somebody who takes `waitMs` for each message. */
function memoryReader(name: string, waitMs: number): BadNeighbour {
  return {
    name,
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 1, memory: true });
      const consumer = client.consumer({ group: 'bad', topic, windowBytes: 64 * 1024 });
      const reading = (async () => {
        for await (const message of consumer) {
          await later(waitMs);
          await message.ack();
        }
      })().catch(() => {});
      void reading;
      const producer = client.producer({ batchRecords: 1, sendTimeoutMs: 60_000 });
      const body = new Uint8Array(16 * 1024);
      return again(async () => {
        if (!producer.write({ topic, body })) {
          await Promise.race([producer.ready(), later(20)]);
        }
      });
    },
  };
}

/** Groups that begin at the start of a backlog, one after the other. */
function backlogReader(name: string, filter: string): BadNeighbour {
  return {
    name,
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 1 });
      await fill(client, topic, 20_000, 200, 'other');
      let groups = 0;
      return again(async () => {
        const consumer = client.consumer({ group: `bad-${groups++}`, topic, from: 'earliest', filter });
        const reading = (async () => {
          let count = 0;
          for await (const batch of consumer.batches()) {
            count += batch.length;
            await batch.ack();
            if (count > 10_000) {
              break;
            }
          }
        })().catch(() => {});
        await Promise.race([reading, later(100)]);
        await consumer.close().catch(() => {});
      });
    },
  };
}

/** A connection that sends frames without end, and comes back when it is thrown out. */
function flood(name: string, frame: Uint8Array, count: number): BadNeighbour {
  return {
    name,
    start: async ({ url }) =>
      again(async () => {
        const socket = new WebSocket(url, 'ringmq.v1');
        socket.on('error', () => {});
        await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
        socket.send(helloFrame({ client: 'flood' }));
        for (let round = 0; round < 20 && socket.readyState === WebSocket.OPEN; round++) {
          for (let i = 0; i < count; i++) {
            socket.send(frame);
          }
          await later(1);
        }
        socket.terminate();
      }),
  };
}

/** A topic of two queues whose first one stops whoever reads it, and a consumer that begins again each time. */
function stoppingQueue(name: string, harm: (place: Place) => void, isPoison: boolean): BadNeighbour {
  return {
    name,
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 2 });
      await fill(client, topic, 2_000, 500);
      harm(place);
      return again(async () => {
        const consumer = client.consumer({ group: 'bad', topic, onDamage: () => 'stop' });
        const run = consumer.run(async ({ queueId }) => {
          if (isPoison && queueId === 0) {
            throw new Error('cannot be handled');
          }
        });
        await Promise.race([run.catch(() => {}), later(50)]);
        await consumer.close().catch(() => {});
      });
    },
  };
}

/** Harms the header of each tenth batch of queue 0. */
function damageFirstQueue({ dataDir }: Place): void {
  const batches = mapLog(dataDir, SEGMENT_BYTES).batches.filter(({ queueId }) => queueId === 0);
  for (let i = 0; i < batches.length; i += 10) {
    const position = (batches[i]?.position as number) + BATCH.baseOffset;
    const base = position - (position % SEGMENT_BYTES);
    const fd = openSync(`${dataDir}/log/${segmentName(base)}`, 'r+');
    writeSync(fd, Uint8Array.of(0xff), 0, 1, position - base);
    closeSync(fd);
  }
}

export const BAD_NEIGHBOURS: readonly BadNeighbour[] = [
  memoryReader('a stuck reader of a memory topic', 3_600_000),
  memoryReader('a slow reader of a memory topic', 20),
  backlogReader('a filtered reader of a long backlog', 'wanted'),
  backlogReader('a cold reader', '*'),
  flood('a flood of tiny frames', makeFrame(OPCODE.ping, 1), 500),
  flood(
    'a flood of huge frames',
    makeFrame(OPCODE.produce, 1, { payload: new Uint8Array(2 * 1024 * 1024) }),
    2,
  ),
  stoppingQueue('a poisoned queue', () => {}, true),
  stoppingQueue('a damaged queue', damageFirstQueue, false),
  {
    name: 'a storm of joins',
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 16 });
      return again(async () => {
        const consumers = Array.from({ length: 8 }, () => client.consumer({ group: 'bad', topic }));
        const reading = consumers.map((consumer) => consumer[Symbol.asyncIterator]().next());
        await later(5);
        await Promise.all(consumers.map((consumer) => consumer.close().catch(() => {})));
        await Promise.allSettled(reading);
      });
    },
  },
  {
    name: 'costly requests',
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 2_048 });
      return again(() =>
        Promise.allSettled(Array.from({ length: 50 }, () => client.admin().describeTopic(topic))),
      );
    },
  },
  {
    name: 'an address that connects as often as it can, beyond its limits',
    limits: { maxConnectionsPerAddress: 100, maxHandshakesPerAddress: 50 },
    start: async (place) =>
      again(async () => {
        const made = Array.from({ length: 20 }, () => {
          const socket = new WebSocket(place.url, 'ringmq.v1', { localAddress: '127.0.0.2' });
          socket.on('error', () => {});
          return new Promise<void>((resolve) => {
            socket.once('open', () => socket.send(helloFrame({ client: 'flood' })));
            socket.once('message', () => socket.terminate());
            socket.once('close', () => resolve());
          });
        });
        await Promise.all(made);
      }),
  },
  {
    name: 'a user at its limit, over several connections',
    limits: { auth: true, userBytesPerSecond: 16 * 1024 * 1024 },
    start: async (place) => {
      const clients = await Promise.all([0, 1, 2].map(() => place.client('bad')));
      const topic = 'bad';
      await clients[0]?.admin().createTopic({ topic, queues: 1 });
      const body = new Uint8Array(4096);
      const producers = clients.map((client) => client.producer({ sendTimeoutMs: 60_000 }));
      return again(async () => {
        for (const producer of producers) {
          if (!producer.write({ topic, body })) {
            await Promise.race([producer.ready(), later(20)]);
          }
        }
      });
    },
  },
  {
    name: 'a listing of 10,000 topics in a loop',
    start: async (place) => {
      const client = await place.client();
      const names = Array.from({ length: 10_000 }, (_, i) => `bad-${i}`);
      // Each is to be answered in time, however busy the machine is.
      for (let first = 0; first < names.length; first += 100) {
        await Promise.all(
          names.slice(first, first + 100).map((topic) => client.admin().createTopic({ topic, queues: 1 })),
        );
      }
      return again(() => client.admin().listTopics());
    },
  },
  {
    name: 'a slave that catches up',
    start: async (place) => {
      const client = await place.client();
      const topic = 'bad';
      await client.admin().createTopic({ topic, queues: 4 });
      await fill(client, topic, 4_000, 8_192);
      const flags = ['--role', 'slave', '--master', place.url, '--broker-set', 'a', '--name', 'slave'];
      const sizes = ['--ring-size', '1MiB', '--memory-ring-size', '1MiB', '--span-size', '128KiB'];
      // A new one each time, that has the whole log to fetch.
      const step = async (): Promise<void> => {
        const dataDir = makeDirectory();
        const slave = await BrokerProcess.start(dataDir, [...flags, ...sizes, '--segment-size', '1MiB']);
        await later(200);
        await slave.kill();
        removeDirectory(dataDir);
      };
      await step();
      let isStopped = false;
      let under: Promise<void> = Promise.resolve();
      const stop = again(async () => {
        if (!isStopped) {
          under = step();
          await under;
        }
      });
      return async () => {
        isStopped = true;
        await stop();
        // No process is left behind.
        await under.catch(() => {});
      };
    },
  },
];
