/**
 * Frames nobody meant to send. The saved corpus (`test/corpus/frames`, one frame a file, named
 * `<outcome>--<what>.bin`) is replayed as it is and is what mutations start from. A failing case of the
 * search prints its frames; save it there.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERRORS, OPCODE } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { FakeEngine } from './fake-engine.js';
import { join, open, type Peer, settle, welcome } from './fake-socket.js';
import { decodePayload, helloFrame } from './make-batch.js';

const CORPUS_DIR = new URL('../../../test/corpus/frames/', import.meta.url);
const CORPUS = readdirSync(CORPUS_DIR)
  .filter((name) => name.endsWith('.bin'))
  .sort()
  .map((name) => ({
    name,
    outcome: name.split('--')[0] as string,
    bytes: readFileSync(new URL(name, CORPUS_DIR)),
  }));

const RUNS = Number(process.env['RINGMQ_FUZZ_RUNS'] ?? 800);

function engineWithTopic(): FakeEngine {
  const engine = new FakeEngine();
  const { topicId, topic, queues } = engine.addTopic(1, 4);
  engine.answer = (method) =>
    method === 'join'
      ? { memberId: 'm', topic: { topicId, topic, queues, memory: false, createdTime: 0 } }
      : {};
  return engine;
}

/** What must hold whatever was sent. */
async function checkAfterwards(
  engine: FakeEngine,
  peer: Peer,
  neighbour: Peer,
  defects: unknown[],
): Promise<void> {
  engine.progress();
  await settle();
  expect(defects).toEqual([]);
  expect(neighbour.socket.closed).toBeNull();
  expect(neighbour.socket.frames).toEqual([]);
  const errors = peer.socket.frames.filter(({ opcode }) => opcode === OPCODE.error);
  if (peer.socket.closed === null) {
    expect(errors).toHaveLength(0);
    return;
  }
  expect(errors).toHaveLength(1);
  expect(peer.socket.frames.at(-1)).toBe(errors[0]);
  const { code } = decodePayload(errors[0] as (typeof errors)[0]);
  expect(ERRORS[code as keyof typeof ERRORS]?.closes).toBe(true);
  expect(code).toBe(peer.socket.closed.reason);
  expect(engine.members.size).toBe(0);
  expect(engine.readers.every(({ isClosed }) => isClosed)).toBe(true);
}

async function play(frames: Uint8Array[], greet: boolean): Promise<{ engine: FakeEngine; peer: Peer }> {
  const engine = engineWithTopic();
  const defects: unknown[] = [];
  const peer = open(engine, { onDefect: (_message, error) => defects.push(error) });
  const neighbour = welcome(join(peer.host));
  if (greet) {
    welcome(peer);
  }
  for (const frame of frames) {
    const scratch = Buffer.from(frame);
    peer.session.onFrame(scratch);
    scratch.fill(0xa5);
  }
  await settle();
  await checkAfterwards(engine, peer, neighbour, defects);
  peer.session.onClose();
  return { engine, peer };
}

describe('the saved corpus', () => {
  test.each(CORPUS)('$name', async ({ outcome, bytes }) => {
    const { engine, peer } = await play([bytes], true);
    expect(peer.socket.errorCode ?? 'OK').toBe(outcome);
    if (outcome !== 'OK') {
      expect(engine.appended).toBe(0);
    }
  });

  test('any of it before hello ends the connection', async () => {
    for (const { name, bytes, outcome } of CORPUS) {
      if (name.includes('hello')) {
        continue;
      }
      const { engine, peer } = await play([bytes], false);
      const code = peer.socket.errorCode;
      expect(['BAD_FRAME', 'FRAME_TOO_LARGE', 'UNSUPPORTED_VERSION']).toContain(
        code ?? `none for ${outcome}`,
      );
      expect(engine.appended).toBe(0);
    }
  });
});

describe('the search', () => {
  const seeds = [...CORPUS.map(({ bytes }) => bytes), Buffer.from(helloFrame())].filter(
    ({ length }) => length < 10_000,
  );
  const seed = fc.constantFrom(...seeds);
  const mutated = fc
    .tuple(
      seed,
      fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.option(fc.nat(400)),
      fc.uint8Array({ maxLength: 8 }),
    )
    .map(([bytes, changes, cut, tail]) => {
      const frame = Buffer.concat([bytes.subarray(0, cut ?? bytes.length), tail]);
      for (const [at, value] of changes) {
        if (frame.length > 0) {
          frame[at % frame.length] = value;
        }
      }
      return new Uint8Array(frame);
    });
  const anything = fc.oneof(
    { weight: 6, arbitrary: mutated },
    { weight: 2, arbitrary: seed.map((bytes) => new Uint8Array(bytes)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  );

  test('no frame throws, hangs, touches a neighbour or leaves anything behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anything, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (frames, greet) => {
          await play(frames, greet);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
