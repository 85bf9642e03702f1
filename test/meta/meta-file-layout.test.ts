import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  frameBytesAt,
  type MetaFrame,
  wasSyncedBeyond,
} from '../../engine/meta/meta-file-layout.js';

/** The examples of docs/file-format.md. */
const EXAMPLES: [MetaFrame, string][] = [
  [{ type: 'log', format: 1, log: 7 }, '190000003827 48e2de0003a474797065a36c6f67a6666f726d617401a36c6f6707'],
  [{ type: 'synced', position: 29 }, '1900000047947c78 de0002a474797065a673796e636564a8706f736974696f6e1d'],
  [
    { type: 'offsets', group: 'billing', topicId: 1, pairs: [0, 10] },
    '30000000c20c083b de0004a474797065a76f666673657473a567726f7570a762696c6c696e67a7746f706963496401a57061697273 92000a',
  ],
];

test('frames are as documented', () => {
  for (const [frame, hex] of EXAMPLES) {
    const bytes = encodeFrame(frame);
    expect(Buffer.from(bytes).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(frameBytesAt(bytes, 0)).toBe(bytes.length);
    expect(decodeFrame(bytes, 0, bytes.length)).toEqual(frame);
  }
});

property.prop([fc.uint8Array({ maxLength: 400 }), fc.nat(400)])(
  'no bytes make the reader stumble',
  (bytes, at) => {
    const frameBytes = frameBytesAt(bytes, at);
    expect(at + frameBytes).toBeLessThanOrEqual(Math.max(at, bytes.length));
    expect(wasSyncedBeyond(bytes, at)).toBe(false);
  },
);

property.prop([fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.boolean()])(
  'a mark is found behind any garbage',
  (garbage, beyond) => {
    const position = beyond ? 1 : 0;
    const mark = encodeFrame({ type: 'synced', position });
    const bytes = Uint8Array.from([...garbage, ...mark]);
    expect(wasSyncedBeyond(bytes, 0)).toBe(beyond);
  },
);

test('a record over the limit is a defect, not a file that cannot be read', () => {
  const pairs = new Array<number>(200_000).fill(2 ** 40);
  expect(() => encodeFrame({ type: 'offsets', group: 'g', topicId: 1, pairs })).toThrow(
    expect.objectContaining({ code: 'INTERNAL' }),
  );
});
