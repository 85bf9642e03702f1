/**
 * A program that uses a cluster and forgets what it used: `node --expose-gc forgetting-client.js ADDRESS
 * TOPIC HOW CYCLES`. Prints what the process holds after a third of the cycles and after all, a JSON array.
 */
import { createHook } from 'node:async_hooks';
import { type Client, connect } from '../../native-free/client/index.js';

export interface Held {
  timers: number;
  sockets: number;
  listeners: number;
  heapBytes: number;
}

const [address = '', topic = '', how = '', cycles = '0'] = process.argv.slice(2);
const open = new Map<number, 'timers' | 'sockets'>();
createHook({
  init: (id, type) => {
    if (type === 'Timeout' || type === 'TCPWRAP') {
      open.set(id, type === 'Timeout' ? 'timers' : 'sockets');
    }
  },
  destroy: (id) => void open.delete(id),
}).enable();

const collect = globalThis.gc as () => void;

/** More timers than one client has by itself. */
const FEW_TIMERS = 20;

/** What is left once all has gone that goes: a producer's watch over its messages ends within a second or two, a connection that was closed once the other side has heard of it. */
async function held(before?: Held): Promise<Held> {
  const count = (kind: string): number => [...open.values()].filter((is) => is === kind).length;
  const isMore = (): boolean =>
    count('timers') > FEW_TIMERS || (before !== undefined && count('sockets') > before.sockets);
  for (let round = 0; round < 10 || (round < 200 && isMore()); round++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
  }
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return {
    timers: count('timers'),
    sockets: count('sockets'),
    listeners,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

/** Neither the producer nor one of the consumers is closed. */
async function use(client: Client): Promise<void> {
  await client.producer().send({ topic, body: 'x' });
  client.producer().write({ topic, body: 'never waited for' });
  client.consumer({ group: 'never-read', topic });
  for await (const message of client.consumer({ group: 'broken-off', topic })) {
    await message.ack();
    break;
  }
}

const shared = await connect(address);
const measured: Held[] = [];
for (let cycle = 1; cycle <= Number(cycles); cycle++) {
  if (how === 'one-client') {
    await use(shared);
  } else {
    const client = await connect(address, { reconnectMinMs: 5 });
    await use(client);
    await client.close();
  }
  if (cycle === Math.floor(Number(cycles) / 3)) {
    measured.push(await held());
  }
}
measured.push(await held(measured[0]));
process.stdout.write(JSON.stringify(measured), () => process.exit());
