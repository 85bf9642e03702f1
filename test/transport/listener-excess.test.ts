/** What either listener does about a peer that floods, stalls or breaks RFC 6455. */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { MAX_PINGS_PER_SECOND } from '../../native-free/listener/rate-limit.js';
import { RawPeer, upgradeRequest, WS_OPCODE, wsFrame } from '../hostile/raw-peer.js';
import {
  BASE_OPTIONS,
  connectTo,
  type EchoHandler,
  echoListeners,
  LISTENERS,
  messageOf,
} from './listeners.js';

describe.each(LISTENERS)('listener %s', (kind, startListener) => {
  // What uWebSockets.js does by itself, and leaves no way to change, is said beside each.
  const wsTest = kind === 'ws' ? test : undefined;
  const wsDescribe = kind === 'ws' ? describe : undefined;
  const { handlers, start } = echoListeners(startListener);

  describe('pings', () => {
    test('are answered, with what they carry', async () => {
      const client = await connectTo(await start());
      client.ping('how are you');
      const [data] = (await once(client, 'pong')) as [Buffer];
      expect(data.toString()).toBe('how are you');
      client.terminate();
    });

    test.each([
      ['read', true],
      ['unread', false],
    ])('in a flood, %s, are told, and the connection can be cut', async (_how, reads) => {
      const peer = await RawPeer.open((await start()).port);
      if (!reads) {
        peer.stopReading();
      }
      const ping = wsFrame(Buffer.alloc(125), { opcode: WS_OPCODE.ping });
      const burst = Buffer.concat(Array.from({ length: 500 }, () => ping));
      const handler = handlers[0] as EchoHandler;
      const told = handler.until(() => handler.closes === 1);
      let pings = 0;
      while (handler.closes === 0 && pings < 100 * MAX_PINGS_PER_SECOND) {
        peer.write(burst);
        pings += 500;
        await Promise.race([told, peer.writable()]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await told;
      expect(handler.excesses[0]).toContain('pings');
      peer.destroy();
    });

    test('that nobody asked to be answered are bounded too: pongs', async () => {
      const peer = await RawPeer.open((await start()).port);
      const pong = wsFrame(Buffer.alloc(0), { opcode: WS_OPCODE.pong });
      peer.write(Buffer.concat(Array.from({ length: 3 * MAX_PINGS_PER_SECOND }, () => pong)));
      const handler = handlers[0] as EchoHandler;
      await handler.until(() => handler.closes === 1);
      expect(handler.excesses).toHaveLength(1);
      peer.destroy();
    });
  });

  test('a message far over the limit is refused by its header', async () => {
    const peer = await RawPeer.open((await start()).port);
    peer.send(Buffer.alloc(1000), { claimedBytes: 2 * BASE_OPTIONS.maxFrameBytes + 65_536 });
    await peer.until(() => peer.isClosed);
    expect(handlers[0]?.frames).toBe(0);
  });

  test('a message in fragments over the limit ends the connection', async () => {
    const peer = await RawPeer.open((await start()).port);
    peer.send(Buffer.alloc(60_000), { fin: false });
    for (let i = 0; i < 4; i++) {
      peer.send(Buffer.alloc(60_000), { fin: false, opcode: WS_OPCODE.continuation });
    }
    await peer.until(() => peer.isClosed);
    expect(handlers[0]?.frames).toBe(0);
  });

  // uWebSockets.js shows nothing of a message before it ends: there a session asks its connection by a ping.
  wsDescribe?.('messages that do not end', () => {
    test.each([
      ['in one frame', { claimedBytes: 60_000 }],
      ['in fragments', { fin: false }],
    ])('%s are cut off in time, though pings are answered meanwhile', async (_how, shape) => {
      const listener = await start({ messageTimeoutMs: 100 });
      const idle = await connectTo(listener);
      const peer = await RawPeer.open(listener.port);
      peer.send(Buffer.alloc(1_000), shape);
      const handler = handlers[1] as EchoHandler;
      const isFragment = 'fin' in shape;
      const pinging = setInterval(() => {
        idle.ping();
        if (isFragment) {
          peer.send(new Uint8Array(3), { opcode: WS_OPCODE.ping });
        }
      }, 10);
      await handler.until(() => handler.closes === 1);
      clearInterval(pinging);
      expect(handler.excesses[0]).toContain('100 ms');
      expect(handlers[0]?.excesses).toEqual([]);
      idle.send('x');
      await (handlers[0] as EchoHandler).until(() => handlers[0]?.texts === 1);
      peer.destroy();
      idle.terminate();
    });

    test('have a bound for each connection', async () => {
      const peer = await RawPeer.open((await start({}, 10_000)).port);
      peer.send(Buffer.alloc(9_000), { claimedBytes: 60_000 });
      peer.write(Buffer.alloc(2_000));
      const handler = handlers[0] as EchoHandler;
      await handler.until(() => handler.closes === 1);
      expect(handler.excesses).toEqual(['a message that does not end']);
      peer.destroy();
    });

    test('have a bound for all: the largest goes, the others go on', async () => {
      const listener = await start({ maxPartialBytes: 100_000 });
      const peers: RawPeer[] = [];
      for (const bytes of [20_000, 45_000, 30_000]) {
        const peer = await RawPeer.open(listener.port);
        peer.send(Buffer.alloc(bytes), { claimedBytes: 60_000 });
        peers.push(peer);
      }
      const [small, large] = handlers as [EchoHandler, EchoHandler];
      peers[0]?.write(Buffer.alloc(10_000));
      await large.until(() => large.closes === 1);
      expect(small.closes).toBe(0);
      peers[0]?.write(Buffer.alloc(30_000));
      await small.until(() => small.frames === 1);
      for (const peer of peers) {
        peer.destroy();
      }
    });

    test('a message in a thousand pieces with pauses is none of them', async () => {
      const client = await connectTo(await start({ messageTimeoutMs: 60_000 }, 70_000));
      for (let i = 0; i < 20; i++) {
        client.send(Buffer.alloc(60_000, i));
        expect((await messageOf(client)).length).toBe(60_000);
      }
      client.terminate();
    });
  });

  // uWebSockets.js reads and throws away for 15 s.
  wsTest?.('after its close frame little more is read of a peer that goes on', async () => {
    const peer = await RawPeer.open((await start()).port);
    const handler = handlers[0] as EchoHandler;
    peer.stopReading();
    handler.socket.close(1008, 'ENOUGH');
    const from = performance.now();
    const more = wsFrame(Buffer.alloc(50_000));
    while (!peer.isClosed && performance.now() - from < 60_000) {
      peer.write(more);
      await Promise.race([peer.writable(), new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    expect(handler.frames).toBe(0);
    expect(peer.isClosed).toBe(true);
    peer.destroy();
  });

  describe('RFC 6455', () => {
    async function answerTo(request: string): Promise<string> {
      const peer = new RawPeer((await start()).port);
      await once(peer.socket, 'connect');
      peer.write(Buffer.from(request));
      await peer.until(() => peer.httpAnswer.includes('\r\n\r\n') || peer.isClosed);
      peer.destroy();
      return peer.httpAnswer.split('\r\n')[0] ?? '';
    }

    test.each([
      ['version 12', { 'Sec-WebSocket-Version': '12' }, 426],
      ['no version', { 'Sec-WebSocket-Version': null }, 426],
      ['no key', { 'Sec-WebSocket-Key': null }, 400],
      ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400],
      ['a key that is no base64', { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!!!' }, 400],
      ['no subprotocol', { 'Sec-WebSocket-Protocol': null }, 400],
      ['everything in order', {}, 101],
    ])('%s', async (_what, headers, status) => {
      expect(await answerTo(upgradeRequest(headers))).toContain(`HTTP/1.1 ${status} `);
    });

    test('the subprotocol may stand in a second header', async () => {
      const request = upgradeRequest({ 'Sec-WebSocket-Protocol': 'other' }, [
        'Sec-WebSocket-Protocol: ringmq.v1',
      ]);
      expect(await answerTo(request)).toContain('HTTP/1.1 101 ');
    });

    test.each([
      ['a reserved opcode', wsFrame(Buffer.alloc(4), { opcode: 5 })],
      ['a control frame in fragments', wsFrame(Buffer.alloc(4), { opcode: WS_OPCODE.ping, fin: false })],
      ['a ping of 126 bytes', wsFrame(Buffer.alloc(126), { opcode: WS_OPCODE.ping })],
      ['a continuation of nothing', wsFrame(Buffer.alloc(4), { opcode: WS_OPCODE.continuation })],
      ['a reserved bit', Buffer.concat([Buffer.from([0xf2, 0x84, 0, 0, 0, 0]), Buffer.alloc(4)])],
    ])('%s ends the connection, and no handler sees it', async (_what, bytes) => {
      const peer = await RawPeer.open((await start()).port);
      peer.write(bytes);
      await peer.until(() => peer.isClosed || peer.heard.some(({ opcode }) => opcode === WS_OPCODE.close));
      expect(handlers[0]?.frames).toBe(0);
      peer.destroy();
    });

    // uWebSockets.js takes the second one for the rest of the first.
    wsTest?.('a message within a message ends the connection', async () => {
      const peer = await RawPeer.open((await start()).port);
      peer.write(Buffer.concat([wsFrame(Buffer.alloc(4), { fin: false }), wsFrame(Buffer.alloc(4))]));
      await peer.until(() => peer.isClosed || peer.heard.some(({ opcode }) => opcode === WS_OPCODE.close));
      expect(handlers[0]?.frames).toBe(0);
      peer.destroy();
    });

    test('an unmasked frame is no message', async () => {
      const peer = await RawPeer.open((await start()).port);
      peer.send(Buffer.from('abcdefgh'), { masked: false });
      if (kind === 'uws') {
        // It takes the first four bytes for the mask, and waits for the rest: what follows is the rest, and
        // garbage.
        peer.destroy();
      } else {
        await peer.until(() => peer.isClosed || peer.heard.length > 0);
      }
      const handler = handlers[0] as EchoHandler;
      await handler.until(() => handler.closes === 1);
      expect(handler.frames).toBe(0);
      peer.destroy();
    });
  });
});
