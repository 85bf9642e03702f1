/** Thread that takes WebSocket messages, looks at none, and sends back how many there were, as a u32 after each. */

import uws from 'uWebSockets.js';
import { parentPort } from 'node:worker_threads';

let taken = 0;
const ack = new Uint8Array(4);
const ackCount = new Uint32Array(ack.buffer);

const app = uws.App();
app.ws('/*', {
  maxPayloadLength: 8 << 20,
  maxBackpressure: 0,
  idleTimeout: 0,
  compression: uws.DISABLED,
  message: (socket) => {
    ackCount[0] = ++taken;
    socket.send(ack, true, false);
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) {
    throw new Error('the probe found no free port on 127.0.0.1');
  }
  parentPort?.postMessage(uws.us_socket_local_port(listening));
});
parentPort?.once('message', () => {
  app.close();
  parentPort?.close();
});
