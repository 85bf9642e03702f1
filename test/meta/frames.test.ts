import { expect, test } from 'vitest';
import { frameOf, mapFrame, payloadAt, unpackMap } from '../../engine/meta/frames.js';
import { fc, test as property } from '../properties.js';

test('a frame is as documented', () => {
  const map = { type: 'end', records: 2 };
  const bytes = mapFrame(map);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '15000000df1a6ca4de0002a474797065a3656e64a77265636f72647302',
  );
  expect(unpackMap(payloadAt(bytes, 0) as Uint8Array)).toEqual(map);
});

property.prop([fc.uint8Array({ maxLength: 400 }), fc.nat(400)])(
  'no bytes make the reader stumble',
  (bytes, at) => {
    const payload = payloadAt(bytes, at);
    expect(payload === null || at + payload.length < bytes.length).toBe(true);
    expect(unpackMap(bytes)).toBeTypeOf('object');
  },
);

test('what is over the limit, or empty, is a defect, not a file that cannot be read', () => {
  for (const bytes of [0, 2 ** 20 + 1]) {
    expect(() => frameOf(new Uint8Array(bytes))).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  }
});
