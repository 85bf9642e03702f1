/**
 * Client process of the echo probe: one message at a time, the next when the last came back.
 * Arguments: url, message bytes, warm-up ms, measured ms. Prints one JSON object.
 */
import { WebSocket } from 'ws';
import { quantile } from './probe.js';

const [url = '', bytesText = '224', warmText = '500', runText = '2000'] = process.argv.slice(2);
const message = Buffer.alloc(Number(bytesText), 120);
const times: number[] = [];
let sentAt = 0;
let measureFrom = 0;
const socket = new WebSocket(url, { perMessageDeflate: false, generateMask: () => {} });

function sendOne(): void {
  sentAt = performance.now();
  socket.send(message);
}

socket.on('open', () => {
  measureFrom = performance.now() + Number(warmText);
  sendOne();
});
socket.on('message', () => {
  const now = performance.now();
  if (now > measureFrom) {
    times.push((now - sentAt) * 1000);
  }
  if (now < measureFrom + Number(runText)) {
    sendOne();
    return;
  }
  const sorted = Float64Array.from(times).sort();
  const result = { count: times.length, p50Us: quantile(sorted, 0.5), p99Us: quantile(sorted, 0.99) };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
});
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
