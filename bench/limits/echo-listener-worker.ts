/** Thread that answers every WebSocket message with its own bytes; with a file, after 4 KiB were written to it and synced. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { serveProbe } from './probe-app.js';

const { path, fileBytes } = workerData as { path: string | null; fileBytes: number };
const fd = path === null ? -1 : openSync(path, 'r+');
const block = new Uint8Array(4096).fill(1);
let at = 0;

serveProbe(
  {
    maxPayloadLength: 1 << 20,
    message: (socket, message) => {
      if (fd !== -1) {
        writeSync(fd, block, 0, block.length, at);
        fdatasyncSync(fd);
        at = (at + block.length) % fileBytes;
      }
      socket.send(message, true, false);
    },
  },
  () => {
    if (fd !== -1) {
      closeSync(fd);
    }
  },
);
