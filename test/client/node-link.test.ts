/** The WebSocket of Node clients: what it does about masks must not be seen, neither by the other side nor in the bytes it was given. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { type RawData, WebSocketServer } from 'ws';
import { openWebSocket } from '../../native-free/client/link/platform-node.js';

test('frames of every length arrive as they were given, and are left alone', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    const connected = once(server, 'connection');
    const link = await openWebSocket(`ws://127.0.0.1:${port}`, new AbortController().signal);
    const [peer] = await connected;
    // On both sides of where masking changes, and of where a frame's length takes more bytes.
    for (const length of [1, 47, 48, 125, 126, 1023, 1024, 65_535, 65_536]) {
      const given = Uint8Array.from({ length: length + 8 }, (_, i) => i * 7);
      const arrived = once(peer, 'message') as Promise<[RawData, boolean]>;
      link.send(given.subarray(8));
      const [data, isBinary] = await arrived;
      expect(isBinary).toBe(true);
      expect(Buffer.compare(data as Buffer, given.subarray(8))).toBe(0);
      expect(given).toEqual(Uint8Array.from({ length: length + 8 }, (_, i) => i * 7));
    }
    link.close();
    await once(peer, 'close');
  } finally {
    server.close();
  }
});
