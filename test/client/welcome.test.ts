/** What a client takes for a welcome, whoever wrote the broker. */
import { expect, it } from 'vitest';
import { controlFrame } from '../../native-free/client/internal.js';
import { readWelcome } from '../../native-free/client/link/incoming.js';
import { OPCODE } from '../../native-free/wire/index.js';

const WELCOME = {
  version: 1,
  features: [],
  brokerId: '0123456789abcdef',
  flush: 'sync',
  limits: { bodyBytes: 1_000, batchBytes: 2_000, frameBytes: 3_000 },
};
const read = (changes: object): unknown =>
  readWelcome(controlFrame(OPCODE.welcome, 0, { ...WELCOME, ...changes }));

it('one with all that is relied on is taken', () => {
  expect(read({})).toMatchObject(WELCOME);
});

it.each([
  ['another version', { version: 2 }, 'UNSUPPORTED_VERSION'],
  ['no broker id', { brokerId: undefined }, 'BAD_FRAME'],
  ['an odd flush policy', { flush: 'soon' }, 'BAD_FRAME'],
  ['no limits', { limits: undefined }, 'BAD_FRAME'],
  ['limits of nothing', { limits: null }, 'BAD_FRAME'],
  ['batches of no bytes', { limits: { batchBytes: 0 } }, 'BAD_FRAME'],
  ['batches of half a byte', { limits: { batchBytes: 1.5 } }, 'BAD_FRAME'],
  ['batches of a text', { limits: { batchBytes: '4096' } }, 'BAD_FRAME'],
])('one with %s is refused', (_what, changes, code) => {
  expect(() => read(changes)).toThrow(expect.objectContaining({ code }));
});
