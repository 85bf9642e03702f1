/** What one connection of the `ws` listener sends at once is read in pieces, in turn with others': whole, and in its order. */
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import type { Listener } from '../../native-free/listener/types.js';
import { startWsListener } from '../../native-free/listener/ws-listener.js';
import { RawPeer, upgradeRequest, WS_OPCODE, wsFrame } from '../hostile/raw-peer.js';
import { BASE_OPTIONS } from './listeners.js';

const FRAMES = 6_000;
const MAX_HELD_BYTES = 1024 * 1024;

let listener: Listener | null = null;
const peers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) {
    peer.destroy();
  }
  await listener?.close();
});

/** A listener that tells of each frame: the number in it. What the call takes is the frame's cost. */
async function serve(onFrame: (number: number) => void): Promise<void> {
  listener = await startWsListener({
    ...BASE_OPTIONS,
    maxPartialBytes: MAX_HELD_BYTES,
    accept: (socket) => ({
      maxPartialBytes: 65_536,
      onFrame: (bytes) => onFrame(Buffer.from(bytes).readUInt32LE(0)),
      onText() {},
      onDrain() {},
      onExcess: () => socket.cut(),
      onClose() {},
    }),
  });
}

async function peer(): Promise<RawPeer> {
  const made = await RawPeer.open((listener as Listener).port);
  peers.push(made);
  return made;
}

function frame(number: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(number);
  return wsFrame(payload);
}

function burn(): void {
  const until = performance.now() + 0.05;
  while (performance.now() < until) {}
}

const NEIGHBOUR = 1_000_000;

test('a flood of frames that cost something leaves turns to others', async () => {
  const heard: number[] = [];
  let ask: () => void = () => {};
  await serve((number) => {
    burn();
    if (heard.push(number) === 1) {
      ask();
    }
  });
  const [flooding, other] = [await peer(), await peer()];
  ask = () => other.write(frame(NEIGHBOUR));
  flooding.write(Buffer.concat(Array.from({ length: FRAMES }, (_, number) => frame(number))));
  await expect.poll(() => heard.length, { timeout: 60_000 }).toBe(FRAMES + 1);
  expect(heard.indexOf(NEIGHBOUR)).toBeLessThan(FRAMES / 2);
  expect(heard.filter((number) => number !== NEIGHBOUR)).toEqual(
    Array.from({ length: FRAMES }, (_, number) => number),
  );
});

test('what waits for its turn counts as held, and is let go with its connection', async () => {
  let frames = 0;
  await serve(() => {
    frames++;
    burn();
  });
  const burst = Buffer.concat(Array.from({ length: FRAMES }, (_, number) => frame(number)));
  const many = await Promise.all(Array.from({ length: 40 }, () => peer()));
  for (const one of many) {
    one.write(burst);
  }
  // More than all together may hold: who has most goes.
  await expect.poll(() => many.some(({ isClosed }) => isClosed), { timeout: 60_000 }).toBe(true);
  for (const one of many) {
    one.destroy();
  }
  const late = await peer();
  const before = frames;
  late.write(burst);
  await expect.poll(() => frames - before, { timeout: 60_000 }).toBeGreaterThanOrEqual(FRAMES);
  expect(late.isClosed).toBe(false);
});

test('what was sent before the end of a connection is read, all of it', async () => {
  let frames = 0;
  await serve(() => {
    frames++;
    burn();
  });
  const leaving = await peer();
  leaving.write(Buffer.concat(Array.from({ length: FRAMES }, (_, number) => frame(number))));
  leaving.write(wsFrame(Uint8Array.of(3, 232), { opcode: WS_OPCODE.close }));
  leaving.socket.end();
  await expect.poll(() => frames, { timeout: 60_000 }).toBe(FRAMES);
  await leaving.until(() => leaving.isClosed);
});

test('what comes right behind an upgrade is of the WebSocket, wherever the head is torn', async () => {
  const heard: number[] = [];
  await serve((number) => {
    heard.push(number);
  });
  const request = Buffer.from(upgradeRequest());
  const bytes = Buffer.concat([request, frame(7)]);
  const tears = [1, 100, request.length - 3, request.length - 1, request.length, request.length + 1];
  for (const at of tears) {
    const one = new RawPeer((listener as Listener).port);
    peers.push(one);
    one.write(bytes.subarray(0, at));
    await once(one.socket, 'connect');
    // Two writes may still come as one; then it is not torn, which must do as well.
    await new Promise((resolve) => setTimeout(resolve, 2));
    one.write(bytes.subarray(at));
    const before = heard.length;
    await expect.poll(() => [at, heard.length], { timeout: 60_000 }).toEqual([at, before + 1]);
  }
  expect(heard).toEqual(tears.map(() => 7));
});
