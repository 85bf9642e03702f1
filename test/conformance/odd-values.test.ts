/**
 * Every public function, with everything that a program may give it by mistake: it works, or it is refused at the call, by a code and the name of
 * what cannot be used. The table must have each function that there is.
 */
import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../broker/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { EACH_AND_CLUSTER, Rig } from './rig.js';

const LONG = 'x'.repeat(10_000_000);
const getter = {
  get topic() {
    throw new Error('no topic');
  },
  get group() {
    throw new Error('no group');
  },
  get signal() {
    throw new Error('no signal');
  },
};
function gone(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
class Own {
  topic = 5;
}

/** Name for a message, and the value. */
const ODD: readonly [string, unknown][] = [
  ['null', null],
  ['true', true],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
  ['-1', -1],
  ['0.5', 0.5],
  ['1e308', 1e308],
  ['2^53', 2 ** 53],
  ['bigint', 10n],
  ['symbol', Symbol('odd')],
  ['empty string', ''],
  ['10 MB', LONG],
  ['lone surrogate', 'a\ud800b'],
  ['NUL', 'a\0b'],
  ['emoji', '😀'],
  ['number text', '5'],
  ['__proto__', '__proto__'],
  ['array', []],
  ['array of odd', [undefined, null, {}]],
  ['sparse array', new Array(3)],
  ['function', () => 'odd'],
  ['async function', async () => 'odd'],
  ['class', Own],
  ['proxy', new Proxy({}, {})],
  ['revoked proxy', revoked()],
  ['date', new Date(0)],
  ['invalid date', new Date(Number.NaN)],
  ['frozen', Object.freeze({})],
  ['getters that throw', getter],
  ['no prototype', Object.create(null)],
  ['of another realm', vm.runInNewContext('({ topic: {}, signal: 1 })')],
  ['array of another realm', vm.runInNewContext('[1]')],
  ['shared bytes', new Uint8Array(new SharedArrayBuffer(8))],
  ['detached bytes', gone()],
  ['String object', new String('odd')],
  ['Number object', new Number(5)],
  ['instance', new Own()],
  ['map', new Map([['topic', 'odd']])],
  ['error', new Error('odd')],
  ['regexp', /odd/],
  ['promise', Promise.resolve('odd')],
  ['null body', { body: null, topic: null }],
  ['unknown option', { notAnOption: 1 }],
];

/** What a mistake may be refused with. */
const REFUSALS = [
  'BAD_ARGUMENT',
  'BAD_MESSAGE',
  'BAD_CONFIG',
  'BAD_FILTER',
  'NOT_SUPPORTED',
  'MESSAGE_TOO_LARGE',
  'BAD_FRAME',
];

interface Place {
  directory: string;
  rig: Rig;
  client: library.Client;
  broker: library.Broker;
  topic: string;
}
interface Call {
  /** What it is called on; undefined: an export. */
  on?(place: Place): object | Promise<object>;
  /** Sound arguments, all of them with all their options. */
  args(place: Place): unknown[];
  /** It is at work for as long as it was asked to. */
  goesOn?: true;
  /** Options that are as they are. */
  fixed?: readonly string[];
  /** Ends what a call that is taken has begun. */
  end?(on: object, result: unknown): unknown;
}

const stop = { signal: AbortSignal.abort() };
const SIGNAL = { signal: undefined };
const admin = (place: Place) => place.client.admin();
const ADMIN: Record<string, Call> = {
  createTopic: {
    on: admin,
    args: () => [{ topic: 'new', queues: 1, memory: false, sets: undefined, ifNotExists: true }, SIGNAL],
  },
  listTopics: { on: admin, args: () => [SIGNAL] },
  describeTopic: { on: admin, args: ({ topic }) => [topic, SIGNAL] },
  deleteTopic: { on: admin, args: () => ['not-there', SIGNAL] },
  listGroups: { on: admin, args: () => [SIGNAL] },
  describeGroup: { on: admin, args: () => ['not-there', SIGNAL] },
  createGroup: { on: admin, args: () => [{ group: 'new', ifNotExists: true }, SIGNAL] },
  deleteGroup: { on: admin, args: () => ['not-there', SIGNAL] },
  resetOffset: {
    on: admin,
    args: ({ topic, rig }) => [rig.placed({ group: 'new', topic, to: 'latest', queueId: 0 }), SIGNAL],
  },
  stats: { on: admin, args: () => [SIGNAL] },
};
const producer = (place: Place) => place.client.producer();
const endProducer = (on: object) => (on as library.Producer).close(stop).catch(() => undefined);
const message = ({ topic }: Place) => ({
  topic,
  body: 'b',
  tag: 't',
  keys: ['k'],
  properties: { p: 1 },
  shardingKey: 's',
  bornTime: 1,
});
const WRITE = { flush: undefined, queueId: 0, brokerSet: undefined };
const PRODUCER: Record<string, Call> = {
  send: { on: producer, args: (place) => [message(place), { ...WRITE, ...SIGNAL }], end: endProducer },
  sendBatch: { on: producer, args: (place) => [[message(place)], { ...WRITE, ...SIGNAL }], end: endProducer },
  write: { on: producer, args: (place) => [message(place), WRITE], end: endProducer },
  ready: { on: producer, args: () => [SIGNAL], end: endProducer },
  flush: { on: producer, args: () => [SIGNAL], end: endProducer },
  close: { on: producer, args: () => [SIGNAL] },
};
let groups = 0;
const consumer = ({ client, topic }: Place) =>
  client.consumer({ group: `odd-${++groups}`, topic, onWarning: () => undefined });
const endConsumer = (on: object) => (on as library.Consumer).close(stop).catch(() => undefined);
const CONSUMER: Record<string, Call> = {
  batches: {
    on: consumer,
    args: () => [{ maxMessages: 5, maxWaitMs: 1, ...SIGNAL }],
    end: endConsumer,
  },
  run: {
    on: consumer,
    args: () => [() => 1, { concurrency: 1, order: 'none', ...SIGNAL }],
    end: endConsumer,
  },
  poll: { on: consumer, args: () => [{ max: 1, waitMs: 0, ...SIGNAL }], end: endConsumer },
  pause: {
    on: consumer,
    args: ({ topic }) => [{ topic, queueIds: [0], brokerSet: undefined }],
    end: endConsumer,
  },
  resume: {
    on: consumer,
    args: ({ topic }) => [{ topic, queueIds: [0], brokerSet: undefined }],
    end: endConsumer,
  },
  seek: {
    on: consumer,
    args: ({ topic }) => ['latest', { topic, queueId: 0, brokerSet: undefined, ...SIGNAL }],
    end: endConsumer,
  },
  position: { on: consumer, args: () => [], end: endConsumer },
  commit: { on: consumer, args: () => [SIGNAL], end: endConsumer },
  stats: { on: consumer, args: () => [SIGNAL], end: endConsumer },
  close: { on: consumer, args: () => [SIGNAL] },
};
const closeResult = (_on: object, result: unknown) =>
  (result as { close(o?: object): Promise<void> } | undefined)?.close?.(stop)?.catch?.(() => undefined);
const CLIENT: Record<string, Call> = {
  producer: {
    on: ({ client }) => client,
    args: () => [
      {
        group: 'g',
        batchBytes: 4096,
        batchRecords: 5,
        lingerMs: 1,
        maxInFlightBatches: 4,
        bufferBytes: 2 ** 20,
        sendTimeoutMs: 1000,
        onError: () => undefined,
        onMasterLost: 'wait',
      },
    ],
    end: closeResult,
  },
  consumer: {
    on: ({ client }) => client,
    args: ({ topic }) => [
      {
        group: 'g',
        topic,
        broadcast: true,
        memberName: 'm',
        filter: '*',
        from: 'earliest',
        windowBytes: 2 ** 20,
        verifyChecksums: true,
        commitIntervalMs: 5,
        revokeGraceMs: 5,
        onAssigned: () => undefined,
        onRevoked: () => undefined,
        onDamage: 'stop',
        onWarning: () => undefined,
        unackedWarningMs: 1000,
        maxUnackedCount: 1000,
        ...SIGNAL,
      },
    ],
    end: closeResult,
  },
  peek: {
    on: ({ client }) => client,
    args: ({ topic }) => [
      { topic, queueId: 0, brokerSet: undefined, from: 'earliest', max: 1, filter: '*' },
      SIGNAL,
    ],
  },
  get: {
    on: ({ client }) => client,
    args: ({ topic }) => [{ topic, queueId: 0, brokerSet: undefined, offset: 0 }, SIGNAL],
  },
  admin: { on: ({ client }) => client, args: () => [] },
  close: { on: ({ broker }) => broker.client(), args: () => [SIGNAL] },
};
let spare: library.Broker | undefined;
let spares = 0;
/** One that may be closed. */
async function spareBroker({ directory }: Place): Promise<library.Broker> {
  try {
    spare?.stats();
  } catch {
    spare = undefined;
  }
  spare ??= await library.openBroker({ ...SMALL, dataDir: `${directory}/spare-${++spares}` });
  return spare;
}
const BROKER: Record<string, Call> = {
  client: { on: ({ broker }) => broker, args: () => [], end: closeResult },
  listen: {
    on: ({ broker }) => broker,
    args: () => [
      {
        host: '127.0.0.1',
        port: 0,
        listener: 'ws',
        threads: 1,
        allowedOrigins: [],
        insecure: false,
        ...SIGNAL,
      },
    ],
    end: closeResult,
  },
  stats: { on: ({ broker }) => broker, args: () => [] },
  handle: { on: ({ broker }) => broker, args: () => [] },
  close: { on: spareBroker, args: () => [SIGNAL] },
};
/** Of the same classes, for the library's own use. */
const INTERNAL: Record<string, readonly string[]> = {
  PRODUCER: [
    'laneTo',
    'onBrokersChanged',
    'onConnected',
    'onConnectionFailed',
    'onFailedBatch',
    'onFound',
    'onKeptFailed',
    'onLost',
    'onNotFound',
    'onOtherOpening',
    'onProgress',
    'onRefusing',
    'onReleased',
    'onStored',
    'onTopicChanged',
    'onWarning',
  ],
  CONSUMER: ['finish'],
  CLIENT: ['onProducerClosed', 'onUntold'],
  BROKER: ['fenced', 'setMaster'],
};
const EXPORTS: Record<string, Call> = {
  connect: {
    args: () => [
      'ws://127.0.0.1:1',
      {
        name: 'n',
        connectTimeoutMs: 1,
        requestTimeoutMs: 1,
        closeTimeoutMs: 1,
        pingIntervalMs: 1,
        reconnectMinMs: 1,
        reconnectMaxMs: 1,
        onWarning: () => undefined,
        onConnection: () => undefined,
        credentials: undefined,
        cluster: undefined,
        tls: undefined,
        ...SIGNAL,
      },
    ],
    goesOn: true,
    end: closeResult,
  },
  openBroker: {
    fixed: ['dataDir'],
    args: () => [
      {
        dataDir: '/proc/none',
        onWarning: () => undefined,
        onFatal: () => undefined,
        onReplication: () => undefined,
        ...SIGNAL,
      },
    ],
    end: closeResult,
  },
  openNameServer: {
    args: () => [{ port: 0, listener: 'ws', onWarning: () => undefined, ...SIGNAL }],
    end: closeResult,
  },
  attach: { args: ({ broker }) => [broker.handle(), SIGNAL], end: closeResult },
};

/** Taken for no options at all. */
function isEmptyObject(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  } catch {
    return false;
  }
}

function* mistakes(
  place: Place,
  call: Call,
): Generator<[what: string, name: string | null, args: unknown[]]> {
  const sound = () => call.args(place);
  for (let i = 0; i <= sound().length; i++) {
    for (const [what, value] of ODD) {
      const args = sound();
      const given = args[i];
      if (i < args.length && !(call.fixed !== undefined && isEmptyObject(value))) {
        args[i] = value;
        yield [`argument ${i}: ${what}`, null, args];
      }
      if (typeof given !== 'object' || given === null || Array.isArray(given) || 'log' in given) {
        continue;
      }
      for (const name of Object.keys(given)) {
        if (call.fixed?.includes(name)) {
          continue;
        }
        const changed = sound();
        changed[i] = { ...given, [name]: value };
        yield [`${name}: ${what}`, name, changed];
      }
    }
    const args = sound();
    const given = args[i];
    if (typeof given === 'object' && given !== null && !Array.isArray(given) && !('log' in given)) {
      args[i] = { ...given, notAnOption: 1 };
      yield ['an unknown option', 'notAnOption', args];
    }
  }
}

/** What is wrong with how a call ended; null: nothing. */
async function faultOf(
  on: object | undefined,
  name: string,
  args: unknown[],
  what: string,
  option: string | null,
  { end, goesOn }: Call,
): Promise<string | null> {
  let result: unknown;
  let error: unknown;
  let atOnce = true;
  let failed = false;
  try {
    const fn =
      on === undefined
        ? (library as unknown as Record<string, unknown>)[name]
        : (on as Record<string, unknown>)[name];
    result = (fn as (...a: unknown[]) => unknown).apply(on, args);
    if (name === 'run' || name === 'batches') {
      (result as Promise<void>).catch?.(() => undefined);
      const first = await Promise.race([
        Promise.resolve(name === 'batches' ? 0 : result).then(() => 'done'),
        new Promise((resolve) => setImmediate(() => resolve('goes on'))),
      ]);
      if (first === 'goes on') {
        await end?.(on as object, result);
        return option === 'notAnOption' ? 'unknown option taken' : null;
      }
    }
    const later = new Promise((resolve) => setImmediate(() => resolve('later')));
    const outcome = Promise.resolve(result).then(
      (value) => ({ value }),
      (e: unknown) => ({ e }),
    );
    const first = await Promise.race([outcome, later]);
    atOnce = first !== 'later';
    const limit = new Promise((resolve) => setTimeout(() => resolve('hangs'), goesOn ? 50 : 10_000));
    const settled = (await Promise.race([outcome, limit])) as { value?: unknown; e?: unknown } | 'hangs';
    if (settled === 'hangs') {
      void outcome.then((late) => ('value' in late ? end?.(on as object, late.value) : undefined));
      return goesOn ? null : 'hangs';
    }
    if ('e' in settled) {
      failed = true;
      error = settled.e;
    } else {
      result = settled.value;
    }
  } catch (thrown) {
    failed = true;
    error = thrown;
  }
  await end?.(on as object, failed ? undefined : result);
  if (!failed) {
    return option === 'notAnOption' ? 'unknown option taken' : null;
  }
  const isOfMessage = ['send', 'sendBatch', 'write'].includes(name);
  if (isOfMessage && (what === 'getters that throw' || what === 'revoked proxy')) {
    return null; // What reading a message throws comes back as it is.
  }
  if (!isRingMQError(error)) {
    return `no RingMQError: ${String((error as Error)?.stack ?? error).slice(0, 300)}`;
  }
  const { code, details } = error;
  if (code === 'INTERNAL') {
    return `INTERNAL: ${error.message.slice(0, 200)}`;
  }
  if (error.message.length > 2000) {
    return `${code} with a message of ${error.message.length} characters`;
  }
  if (REFUSALS.includes(code)) {
    if (!atOnce) {
      return `${code}, but only later: ${error.message.slice(0, 100)}`;
    }
    const words = option === 'keys' ? 'key' : option === 'properties' ? 'propert' : option;
    if (
      what !== 'getters that throw' &&
      what !== 'revoked proxy' &&
      code !== 'MESSAGE_TOO_LARGE' &&
      code !== 'BAD_CONFIG' &&
      option !== null &&
      details['option'] !== option &&
      details['part'] !== option &&
      !error.message.includes(words as string)
    ) {
      return `${code} does not name it: ${error.message.slice(0, 200)}`;
    }
  } else if (option === 'notAnOption') {
    return `unknown option: ${code}`;
  }
  return null;
}

/** Functions of a public object that the table must have. */
function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const property = Object.getOwnPropertyDescriptor(at, name);
      if (name !== 'constructor' && typeof property?.value === 'function') {
        names.add(name);
      }
    }
  }
  return [...names].sort();
}

describe.each(EACH_AND_CLUSTER.filter(({ name }) => name === 'embedded' || name === 'cluster'))(
  '$name',
  (one) => {
    const rig = new Rig(one, { flush: 'async' });
    const directory = makeDirectory();
    let place: Place;
    beforeAll(async () => {
      await rig.open();
      const client = await rig.client();
      const broker = await library.openBroker({ ...SMALL, dataDir: directory });
      await client.admin().createTopic({ topic: 'sound', queues: 1 });
      await client.producer().send({ topic: 'sound', body: '1' });
      place = { rig, client, topic: 'sound', broker, directory };
    }, 30_000);
    afterAll(async () => {
      await rig.closeClients();
      await rig.close();
      await place.broker.close();
      await spare?.close();
      spare = undefined;
      removeDirectory(directory);
    });
    for (const [kind, table] of Object.entries({
      ADMIN,
      PRODUCER,
      CONSUMER,
      CLIENT,
      ...(one.name === 'embedded' ? { BROKER, EXPORTS } : {}),
    })) {
      test(`${kind} names`, async () => {
        if (kind === 'EXPORTS') {
          const functions = Object.entries(library).filter(
            ([, value]) => typeof value === 'function' && !/^class /.test(String(value)),
          );
          const names = functions.map(([name]) => name).filter((name) => name !== 'isRingMQError');
          expect(names.sort()).toEqual(Object.keys(table).sort());
          return;
        }
        const on = (await (Object.values(table)[0] as Call).on?.(place)) as object;
        const internal = INTERNAL[kind] ?? [];
        expect(functionsOf(on).filter((name) => !internal.includes(name))).toEqual(Object.keys(table).sort());
      });
      for (const [name, call] of Object.entries(table)) {
        test(`${kind} ${name}`, async () => {
          const faults: string[] = [];
          for (const [what, option, args] of mistakes(place, call)) {
            const on = await call.on?.(place);
            const fault = await faultOf(on, name, args, what.slice(what.indexOf(':') + 2), option, call);
            if (fault !== null) {
              faults.push(`${what}: ${fault}`);
            }
          }
          expect(faults.join('\n')).toBe('');
        }, 120_000);
      }
    }
  },
);
