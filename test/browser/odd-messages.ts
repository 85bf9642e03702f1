/**
 * What a program may put into a message by mistake, in any place of it, and what the client says to each.
 * Runs in Node and in a page alike: the answers are to be the same.
 */
import { type Client, isRingMQError, type OutgoingMessage, type SendOptions } from 'ringmq/client';
import { detachedBytes, revokedProxy, sharedBytes } from '../used-up.js';

class Own {
  body = 5;
}

/** Made anew for each call: some of them are used up. */
const ODD: readonly [string, () => unknown][] = [
  ['null', () => null],
  ['true', () => true],
  ['0', () => 0],
  ['-0', () => -0],
  ['-1', () => -1],
  ['0.5', () => 0.5],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['1e308', () => 1e308],
  ['2^53', () => 2 ** 53],
  ['bigint', () => 10n],
  ['symbol', () => Symbol('odd')],
  ['empty text', () => ''],
  ['10 MB of text', () => 'x'.repeat(10_000_000)],
  ['lone surrogate', () => 'a\ud800b'],
  ['lone low surrogate at the end', () => 'a\udc00'],
  ['NUL', () => 'a\0b'],
  ['emoji', () => '😀'],
  ['byte order mark', () => '\ufeffa'],
  ['__proto__', () => '__proto__'],
  ['date', () => new Date(0)],
  ['invalid date', () => new Date(Number.NaN)],
  ['array', () => []],
  ['array of odd', () => [undefined, null, {}]],
  ['array of texts', () => ['a', 'b']],
  ['sparse array', () => new Array(3)],
  ['function', () => () => 5],
  ['frozen', () => Object.freeze({ a: 1 })],
  ['frozen array', () => Object.freeze(['a'])],
  [
    'getter',
    () => ({
      get a() {
        return 'got';
      },
    }),
  ],
  [
    'getter that throws',
    () => ({
      get a() {
        throw new Error('no a');
      },
    }),
  ],
  ['no prototype', () => Object.assign(Object.create(null), { a: 'b' })],
  ['own __proto__', () => JSON.parse('{"__proto__":"own"}')],
  ['proxy', () => new Proxy({ a: 'b' }, {})],
  ['revoked proxy', revokedProxy],
  ['bytes', () => Uint8Array.of(1, 2, 3)],
  ['part of bytes', () => new Uint8Array(16).subarray(4, 6)],
  ['no bytes', () => new Uint8Array(0)],
  ['shared bytes', sharedBytes],
  ['detached bytes', detachedBytes],
  ['buffer', () => new ArrayBuffer(4)],
  ['detached buffer', () => detachedBytes().buffer],
  ['shared buffer', () => sharedBytes().buffer],
  ['data view', () => new DataView(new ArrayBuffer(4))],
  ['floats', () => Float64Array.of(1.5)],
  ['clamped bytes', () => Uint8ClampedArray.of(300)],
  ['big integers', () => BigInt64Array.of(1n)],
  ['bytes that grow', growing],
  ['String object', () => new String('odd')],
  ['Number object', () => new Number(5)],
  ['instance', () => new Own()],
  ['map', () => new Map([['a', 'b']])],
  ['error', () => new Error('odd')],
  ['promise', () => Promise.resolve('odd')],
];

/** Their length may change while they are looked at. */
function growing(): unknown {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
  return new Uint8Array(new Resizable(4, { maxByteLength: 64 }));
}

const PLACES: readonly [string, (value: unknown) => object][] = [
  ['body', (body) => ({ body })],
  ['tag', (tag) => ({ tag })],
  ['keys', (keys) => ({ keys })],
  ['a key', (key) => ({ keys: ['k', key] })],
  ['properties', (properties) => ({ properties })],
  ['a property', (p) => ({ properties: { p } })],
  ['shardingKey', (shardingKey) => ({ shardingKey })],
  ['bornTime', (bornTime) => ({ bornTime })],
];

/** An answer a line: what was given where, how, and what was said. All that is taken goes to one queue, in the order of the lines. */
export async function oddAnswers(client: Client, topic: string): Promise<string[]> {
  const producer = client.producer({ group: 'odd' });
  const answers: (string | Promise<string>)[] = [];
  await producer.send({ topic, body: 'first' });
  const give = (name: string, message: unknown, options?: unknown): void => {
    answers.push(
      said(`send ${name}`, () => producer.send(message as OutgoingMessage, options as SendOptions)),
      said(`write ${name}`, () => producer.write(message as OutgoingMessage, options as SendOptions)),
    );
  };
  for (const [value, make] of ODD) {
    for (const [place, put] of PLACES) {
      give(`${value} as ${place}`, { topic, body: `${value}/${place}`, ...put(make()) });
    }
    give(`${value} as message`, make());
    give(`${value} as queueId`, { topic, body: 'q' }, { queueId: make() });
    give(`${value} as options`, { topic, body: 'o' }, make());
    await Promise.all(answers);
  }
  answers.push(said('flush', () => producer.flush()));
  await Promise.all(answers);
  await producer.send({ topic, body: 'last' });
  await producer.close();
  return Promise.all(answers);
}

function said(what: string, call: () => unknown): string | Promise<string> {
  const told = (answer: string): string => `${what}: ${answer}`;
  try {
    const result = call();
    return result instanceof Promise
      ? result.then(
          () => told('taken'),
          (error: unknown) => told(errorText(error)),
        )
      : told('taken');
  } catch (error) {
    return told(`throws ${errorText(error)}`);
  }
}

function errorText(error: unknown): string {
  return isRingMQError(error) ? `${error.code} ${error.message.slice(0, 300)}` : `not ours: ${String(error)}`;
}
