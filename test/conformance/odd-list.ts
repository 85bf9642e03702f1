/** What a program may give by mistake, each with its name for a message. Runs in Node and in a page alike. */
import { detachedBytes, revokedProxy, sharedBytes } from '../used-up.js';

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
class OwnOptions {
  topic = 5;
}

/** Name for a message, and the value. */
export type Odd = readonly [string, unknown][];

/** `inOtherRealm` runs code where the classes are others. */
export const oddValues = (inOtherRealm: (code: string) => unknown): Odd => [
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
  ['class', OwnOptions],
  ['proxy', new Proxy({}, {})],
  ['revoked proxy', revokedProxy()],
  ['date', new Date(0)],
  ['invalid date', new Date(Number.NaN)],
  ['frozen', Object.freeze({})],
  ['getters that throw', getter],
  ['no prototype', Object.create(null)],
  ['of another realm', inOtherRealm('({ topic: {}, signal: 1 })')],
  ['array of another realm', inOtherRealm('[1]')],
  ['shared bytes', sharedBytes()],
  ['detached bytes', detachedBytes()],
  ['String object', new String('odd')],
  ['Number object', new Number(5)],
  ['instance', new OwnOptions()],
  ['map', new Map([['topic', 'odd']])],
  ['error', new Error('odd')],
  ['regexp', /odd/],
  ['promise', Promise.resolve('odd')],
  ['null body', { body: null, topic: null }],
  ['unknown option', { notAnOption: 1 }],
];
