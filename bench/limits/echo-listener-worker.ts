/** Thread that answers every WebSocket message with its own bytes; with a file, after 4 KiB were written to it and synced. */

import uws from 'uWebSockets.js';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const { path, fileBytes } = workerData as { path: string | null; fileBytes: number };
const fd = path === null ? -1 : openSync(path, 'r+');
const block = new Uint8Array(4096).fill(1);
let at = 0;

const app = uws.App();
app.ws('/*', {
  maxPayloadLength: 1 << 20,
  maxBackpressure: 0,
  idleTimeout: 0,
  compression: uws.DISABLED,
  message: (socket, message) => {
    if (fd !== -1) {
      writeSync(fd, block, 0, block.length, at);
      fdatasyncSync(fd);
      at = (at + block.length) % fileBytes;
    }
    socket.send(message, true, false);
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
  if (fd !== -1) {
    closeSync(fd);
  }
  parentPort?.close();
});
