/**
 * Client process of the stream probe: the same bytes again and again, a fixed number of messages unanswered,
 * with a mask that costs nothing. Arguments: url, message bytes, warm-up ms, measured ms. Prints one JSON
 * object.
 */
import { WebSocket } from 'ws';
import { FRAMES_IN_FLIGHT } from './probe.js';
import { measureOver } from './timed-client.js';

const [url = '', bytesText = '65536', warmText = '300', runText = '1000'] = process.argv.slice(2);
const message = Buffer.alloc(Number(bytesText), 120);
let sent = 0;
let answered = 0;
const socket = new WebSocket(url, { perMessageDeflate: false, generateMask: () => {} });
socket.binaryType = 'nodebuffer';

function sendAll(): void {
  for (; sent - answered < FRAMES_IN_FLIGHT; sent++) {
    socket.send(message);
  }
}

socket.on('message', (answer: Buffer) => {
  answered = answer.readUInt32LE(0);
  sendAll();
});
measureOver(socket, {
  send: sendAll,
  answered: () => answered,
  warmMs: Number(warmText),
  runMs: Number(runText),
});
