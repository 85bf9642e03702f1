/** A probe's WebSocket server: on a port of its own, which the thread that started it is told. */
import uws from 'uWebSockets.js';
import { parentPort } from 'node:worker_threads';

/** Serves until the thread that started it says anything; `onClose` then gives back what is left. */
export function serveProbe(behaviour: uws.WebSocketBehavior<unknown>, onClose: () => void = () => {}): void {
  const app = uws.App();
  app.ws('/*', { maxBackpressure: 0, idleTimeout: 0, compression: uws.DISABLED, ...behaviour });
  app.listen('127.0.0.1', 0, (listening) => {
    if (!listening) {
      throw new Error('the probe found no free port on 127.0.0.1');
    }
    parentPort?.postMessage(uws.us_socket_local_port(listening));
  });
  parentPort?.once('message', () => {
    app.close();
    onClose();
    parentPort?.close();
  });
}
