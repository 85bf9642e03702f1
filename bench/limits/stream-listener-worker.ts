/** Thread that takes WebSocket messages, looks at none, and sends back how many there were, as a u32 after each. */
import { serveProbe } from './probe-app.js';

let taken = 0;
const ack = new Uint8Array(4);
const ackCount = new Uint32Array(ack.buffer);

serveProbe({
  maxPayloadLength: 8 << 20,
  message: (socket) => {
    ackCount[0] = ++taken;
    socket.send(ack, true, false);
  },
});
