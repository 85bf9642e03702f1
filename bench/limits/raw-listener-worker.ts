/**
 * Thread of the raw path that owns the socket: copies each frame into the ring, says so, and sends the
 * watermark back. An ack is the running count of frames that were written, as a u32.
 */

import type uws from 'uWebSockets.js';
import { workerData } from 'node:worker_threads';
import { type CrudeRing, PROBE_SLOT_BYTES, WORD, wakeParked } from './crude-ring.js';
import { serveProbe } from './probe-app.js';

const ring = (workerData as { ring: CrudeRing }).ring;
const words = new Int32Array(ring.words);
const data = new Uint8Array(ring.data);
const ringSlots = data.length / PROBE_SLOT_BYTES;

/** Where each frame in flight ends, in slots: how the watermark becomes a count of frames. */
const frameEnds = new Int32Array(4096);
let framesIn = 0;
let framesAcked = 0;
let head = 0;
let socket: uws.WebSocket<unknown> | null = null;
const ack = new Uint8Array(4);
const ackCount = new Uint32Array(ack.buffer);

function takeFrame(frame: Uint8Array): void {
  const slots = Math.ceil(frame.length / PROBE_SLOT_BYTES);
  const place = (head >>> 0) % ringSlots;
  // A frame that would cross the end of the ring starts over at its beginning; the writer follows by the same
  // rule.
  if (place + slots > ringSlots) {
    head = (head + (ringSlots - place)) | 0;
  }
  data.set(frame, ((head >>> 0) % ringSlots) * PROBE_SLOT_BYTES);
  head = (head + slots) | 0;
  frameEnds[framesIn++ % frameEnds.length] = head;
  Atomics.store(words, WORD.published, head);
  wakeParked(words, WORD.readerParked);
}

function sendAcks(): void {
  const written = Atomics.load(words, WORD.written);
  let moved = false;
  while (
    framesAcked < framesIn &&
    (((frameEnds[framesAcked % frameEnds.length] as number) - written) | 0) <= 0
  ) {
    framesAcked++;
    moved = true;
  }
  if (!moved || socket === null) {
    return;
  }
  ackCount[0] = framesAcked;
  socket.send(ack, true, false);
}

/** Sleeps on the event loop until the writer has moved; says so with the flag and looks once more before it does. */
function waitForWriter(): void {
  Atomics.store(words, WORD.writerParked, 1);
  sendAcks();
  const wait = Atomics.waitAsync(words, WORD.writerParked, 1);
  if (!wait.async) {
    setImmediate(waitForWriter);
    return;
  }
  void wait.value.then(() => {
    sendAcks();
    if (Atomics.load(words, WORD.stop) === 0) {
      waitForWriter();
    }
  });
}

const keepAlive = setInterval(sendAcks, 250);
serveProbe(
  {
    maxPayloadLength: 8 << 20,
    open: (opened) => {
      socket = opened;
    },
    message: (_from, message) => takeFrame(new Uint8Array(message)),
    close: () => {
      socket = null;
    },
  },
  () => {
    clearInterval(keepAlive);
    Atomics.store(words, WORD.stop, 1);
    Atomics.notify(words, WORD.writerParked);
  },
);
waitForWriter();
