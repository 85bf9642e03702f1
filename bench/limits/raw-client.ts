/**
 * Client process of the raw path: packs records into frames, message by message, and nothing else. Its mask
 * is zero, which `ws` skips: legal on loopback, and the only way to see what the rest costs. Arguments: url,
 * body bytes, records a frame, warm-up ms, measured ms. Prints one JSON object.
 */
import { WebSocket } from 'ws';
import {
  BATCH_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  writeUint16,
  writeUint32,
} from '../../native-free/wire/index.js';
import { FRAMES_IN_FLIGHT } from './probe.js';
import { measureOver } from './timed-client.js';

const [url = '', bodyText = '100', perFrameText = '256', warmText = '500', runText = '2000'] =
  process.argv.slice(2);
const bodyBytes = Number(bodyText);
const recordsPerFrame = Number(perFrameText);
const head = FRAME_HEADER_BYTES + BATCH_HEADER_BYTES;
const frameBytes = head + recordsPerFrame * (RECORD_HEADER_BYTES + bodyBytes);
const body = new Uint8Array(bodyBytes).fill(120);
const frames = Array.from({ length: FRAMES_IN_FLIGHT }, () => Buffer.alloc(frameBytes));

/** One message into the frame, as a real producer lays it out. Returns where the next begins. */
function packRecord(frame: Uint8Array, at: number, message: Uint8Array): number {
  const length = RECORD_HEADER_BYTES + message.length;
  writeUint32(frame, at, length);
  writeUint32(frame, at + 4, 0);
  frame[at + 8] = RECORD_FLAG.hasBody;
  frame[at + 9] = 0;
  writeUint16(frame, at + 10, 0);
  frame.set(message, at + RECORD_HEADER_BYTES);
  return at + length;
}

let sent = 0;
let acked = 0;
const socket = new WebSocket(url, { perMessageDeflate: false, generateMask: () => {} });
socket.binaryType = 'nodebuffer';

function sendFrames(): void {
  while (sent - acked < FRAMES_IN_FLIGHT) {
    const frame = frames[sent % FRAMES_IN_FLIGHT] as Buffer;
    let at = head;
    for (let i = 0; i < recordsPerFrame; i++) {
      at = packRecord(frame, at, body);
    }
    socket.send(frame);
    sent++;
  }
}

socket.on('message', (message: Buffer) => {
  acked = message.readUInt32LE(0);
  sendFrames();
});
measureOver(socket, {
  send: sendFrames,
  answered: () => acked * recordsPerFrame,
  warmMs: Number(warmText),
  runMs: Number(runText),
});
