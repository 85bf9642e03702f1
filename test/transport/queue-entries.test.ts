/** Lists of queues in requests are read without an object for each entry, and mean the same. */
import { fc, test } from '@fast-check/vitest';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import {
  MAX_QUEUES_PER_TOPIC,
  packQueueList,
  QUEUE_LISTS,
  QueueEntries,
  type QueueListMethod,
} from '../../native-free/wire/index.js';
import { decodeControl, decodeQueuesRequest, decodeTopicsRequest } from '../../transport/control-payload.js';

const PACKR = new Packr({ useRecords: false, variableMapSize: true });
const UNPACKR = new Unpackr({ useRecords: false, int64AsType: 'number' });
const METHODS = Object.keys(QUEUE_LISTS) as QueueListMethod[];

const whole = fc.oneof(fc.nat(200), fc.nat(70_000), fc.maxSafeNat(), fc.nat());
const odd = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double(),
  fc.string(),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.array(fc.nat(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('queueId', 'queues', 'offsets'), fc.nat(), { maxKeys: 2 }),
);
/** Most are right, so that what comes behind one that is wrong is looked at too. */
const field = fc.oneof({ weight: 20, arbitrary: whole }, { weight: 1, arbitrary: odd });
const entry = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record(
      { queueId: field, generation: field, offset: field, more: odd, offsets: odd },
      { requiredKeys: ['queueId', 'generation', 'offset'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(odd, fc.record({ queueId: field, generation: field }, { requiredKeys: [] })),
  },
);
const list = fc.oneof(
  { weight: 10, arbitrary: fc.array(entry, { maxLength: 20 }) },
  { weight: 1, arbitrary: odd },
);

/** What is made of a list: the numbers, or how it is refused. */
function outcome(method: QueueListMethod, value: unknown): unknown {
  try {
    return Array.from(packQueueList(method, value));
  } catch (error) {
    return String(error);
  }
}

function listOf(method: QueueListMethod, request: Record<string, unknown>): unknown {
  const holder = method === 'join' ? request['positions'] : request;
  return (holder as Record<string, unknown>)[QUEUE_LISTS[method].parameter.split('.').at(-1) as string];
}

describe('a list of queues in a request', () => {
  test.prop([fc.constantFrom(...METHODS), list, odd, fc.boolean()])(
    'means what it means to a decoder that knows nothing of lists',
    (method, queues, other, isBehind) => {
      const name = QUEUE_LISTS[method].parameter.split('.').at(-1) as string;
      const own = method === 'join' ? { positions: { topicId: 7, [name]: queues } } : { [name]: queues };
      const request = isBehind ? { other, ...own, method } : { method, ...own, other };
      const bytes = PACKR.pack(request);
      const plain = UNPACKR.unpack(bytes) as Record<string, unknown>;
      const read = decodeQueuesRequest(bytes, 0);
      expect(outcome(method, listOf(method, read))).toEqual(outcome(method, listOf(method, plain)));
      if (Array.isArray(queues)) {
        expect(listOf(method, read)).toBeInstanceOf(QueueEntries);
      }
      expect(read['other']).toEqual(plain['other']);
      expect(read['method']).toBe(method);
      expect(decodeTopicsRequest(bytes, 0)).toEqual(plain);
    },
  );

  it('that is longer than a topic has queues is refused, however long it says it is', () => {
    const queues = Array.from({ length: MAX_QUEUES_PER_TOPIC + 1 }, (_, queueId) => ({
      queueId,
      generation: 1,
    }));
    const read = decodeQueuesRequest(PACKR.pack({ method: 'seek', queues }), 0);
    expect(() => packQueueList('seek', read['queues'])).toThrow(/expected a list of at most 16384/);
    // A length of four bytes, and nothing behind it.
    const lying = Buffer.concat([
      Buffer.from([0x82, 0xa6]),
      Buffer.from('method'),
      Buffer.from([0xa4]),
      Buffer.from('seek'),
      Buffer.from([0xa6]),
      Buffer.from('queues'),
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    ]);
    expect(() => decodeQueuesRequest(lying, 0)).toThrow(/it ends too early/);
  });

  it('is the last one of a name that comes twice', () => {
    const one = PACKR.pack({ queues: [{ queueId: 1, generation: 1 }] }).subarray(1);
    const none = PACKR.pack({ queues: 'none' }).subarray(1);
    const twice = (...parts: Uint8Array[]) => Buffer.concat([Buffer.from([0x80 | parts.length]), ...parts]);
    expect(decodeQueuesRequest(twice(one, none), 0)['queues']).toBe('none');
    expect(packQueueList('seek', decodeQueuesRequest(twice(none, one), 0)['queues'])).toEqual(
      Float64Array.of(1, 1),
    );
    const nested = (value: unknown) => PACKR.pack({ positions: value }).subarray(1);
    const positions = decodeQueuesRequest(twice(nested({ queues: [] }), nested('none')), 0)['positions'];
    expect(positions).toBe('none');
  });

  it('that are cut short anywhere are a bad frame, and no defect', () => {
    const queues = [{ queueId: 1, generation: 300, offset: 70_000, more: 'x' }, null];
    const request = PACKR.pack({ method: 'join', queues, positions: { topicId: 1, queues } });
    for (let end = 0; end < request.length; end++) {
      expect(() => decodeQueuesRequest(request.subarray(0, end), 0)).toThrow(
        expect.objectContaining({ code: 'BAD_FRAME' }),
      );
    }
  });

  it.each([
    ['keys', Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i]))],
    ['values', Array.from({ length: 20_000 }, () => ({}))],
    ['bytes of text', Array.from({ length: 200 }, () => 'x'.repeat(1_000))],
  ])(
    'may be long, and what is beside it may not: it costs a decoder as much as is refused (%s)',
    (what, more) => {
      const queues = Array.from({ length: MAX_QUEUES_PER_TOPIC }, (_, queueId) => ({
        queueId,
        generation: 1,
        note: 'x',
      }));
      const request = { method: 'seek', queues, queueIds: queues.map(({ queueId }) => queueId) };
      expect(packQueueList('seek', decodeQueuesRequest(PACKR.pack(request), 0)['queues'])).toHaveLength(
        2 * queues.length,
      );
      for (const order of [
        { more, ...request },
        { ...request, more },
      ]) {
        expect(() => decodeQueuesRequest(PACKR.pack(order), 0)).toThrow(
          new RegExp(`it has more than \\d+ (${what}|values)`),
        );
      }
      expect(() => decodeControl(PACKR.pack({ method: 'seek', more }), 0)).toThrow(/it has more than/);
    },
  );
});
