/** A loop that is left while its next message is still waited for, and a close from within what it calls. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HandlerCalls } from '../../native-free/client/consume/inside-handler.js';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client;
let broker: ScriptedBroker;

beforeEach(async () => {
  broker = new ScriptedBroker();
  client = await createClient(broker.factory, {});
});

afterEach(() => client.close({ signal: AbortSignal.abort() }).catch(() => {}));

const consumer = () => client.consumer({ group: 'g', topic: 't' });

test('ends whoever waits for it, and the group is left', async () => {
  for (const loop of [
    consumer()[Symbol.asyncIterator](),
    consumer().batches(),
    consumer().batches({ maxMessages: 10, maxWaitMs: 3_600_000 }),
  ]) {
    const waiting = loop.next();
    const second = loop.next();
    await loop.return?.();
    expect(await Promise.all([waiting, second, loop.next()])).toEqual(
      Array(3).fill({ value: undefined, done: true }),
    );
  }
  expect(broker.called('leave')).toHaveLength(3);
});

test('as a stream it closes', async () => {
  const stream = Readable.from(consumer());
  stream.resume();
  stream.destroy();
  await once(stream, 'close');
});

test('who closes from within a handler is known by the stack, whatever the program does with stacks', async () => {
  const calls = new HandlerCalls();
  const isInside = () => {
    let inside: boolean | undefined;
    return calls
      .run(async () => {
        await null;
        inside = calls.isInside;
      }, 1)
      .then(() => inside);
  };
  const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor;
  const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const own = [(_: Error, sites: unknown) => sites, () => null, () => Object.create(null), () => 5];
  try {
    for (const prepareStackTrace of own) {
      Object.assign(Error, { prepareStackTrace, stackTraceLimit: 0 });
      expect([await isInside(), calls.isInside]).toEqual([true, false]);
      expect([Error.prepareStackTrace, Error.stackTraceLimit]).toEqual([prepareStackTrace, 0]);
    }
    Object.defineProperty(Error, 'stackTraceLimit', { ...limit, value: 20, writable: false });
    expect([await isInside(), calls.isInside]).toEqual([true, false]);
  } finally {
    Object.defineProperty(Error, 'stackTraceLimit', limit);
    Object.defineProperty(
      Error,
      'prepareStackTrace',
      prepare ?? { value: undefined, configurable: true, writable: true },
    );
  }
});
