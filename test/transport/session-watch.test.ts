/** What the connections of a thread may hold together, and that each goes on to send whole messages. */
import { describe, expect, test, vi } from 'vitest';
import { makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import { join, open, type Peer, welcome } from './fake-socket.js';

/** What a loaded machine may take for it; one that is not takes milliseconds. */
const PATIENT = { timeout: 60_000, interval: 5 };

describe('what is left unread', () => {
  function ping({ session }: Peer): void {
    session.onFrame(makeFrame(OPCODE.ping, 1));
  }

  test('is bounded for all connections: who leaves most is cut off', () => {
    const first = welcome(open(new FakeEngine(), { maxUnreadBytesInAll: 10_000 }));
    const second = welcome(join(first.host));
    const third = welcome(join(first.host));
    for (const [peer, bytes] of [
      [first, 3_000],
      [second, 4_000],
      [third, 3_000],
    ] as const) {
      peer.socket.bufferedBytes = bytes;
      ping(peer);
    }
    expect(first.host.watch.unreadBytes).toBe(10_000);
    first.socket.bufferedBytes = 3_001;
    ping(first);
    expect([first, second, third].map(({ socket }) => socket.errorCode)).toEqual([
      undefined,
      'TOO_MANY_REQUESTS',
      undefined,
    ]);
    expect(first.host.watch.unreadBytes).toBe(6_001);
  });

  test('is free again when it was read, and when its connection ends', () => {
    const peer = welcome(open(new FakeEngine()));
    const other = welcome(join(peer.host));
    peer.socket.bufferedBytes = 5_000;
    other.socket.bufferedBytes = 700;
    ping(peer);
    ping(other);
    peer.socket.bufferedBytes = 100;
    peer.session.onDrain();
    expect(peer.host.watch.unreadBytes).toBe(800);
    peer.session.onClose();
    expect(peer.host.watch.unreadBytes).toBe(700);
  });
});

describe('where a message cannot be seen before it ends', () => {
  const options = { listener: 'uws', messageTimeoutMs: 40 } as const;

  test('a silent connection is asked, and cut off when it does not answer', async () => {
    const { session, socket } = welcome(open(new FakeEngine(), options));
    await vi.waitFor(() => expect(socket.take(OPCODE.ping)).toHaveLength(1), PATIENT);
    await vi.waitFor(() => expect(socket.errorCode).toBe('TOO_MANY_REQUESTS'), PATIENT);
    expect(socket.closed).toEqual({ code: 1006, reason: '' });
    expect(session.isOpen).toBe(false);
  });

  test('one that answers stays, and so does one that sends', async () => {
    const { host, session, socket } = welcome(open(new FakeEngine(), options));
    const busy = welcome(join(host));
    let asked = 0;
    const from = performance.now();
    while (asked < 3 && performance.now() - from < 60_000) {
      for (const { id } of socket.take(OPCODE.ping)) {
        asked++;
        session.onFrame(makeFrame(OPCODE.pong, id));
      }
      busy.session.onFrame(makeFrame(OPCODE.ping, 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(asked).toBe(3);
    expect(socket.closed).toBeNull();
    expect(busy.socket.closed).toBeNull();
  });

  test('nobody is asked where it can be seen', async () => {
    const seen = welcome(open(new FakeEngine(), { listener: 'ws', messageTimeoutMs: 20 }));
    const { socket } = welcome(open(new FakeEngine(), { ...options, messageTimeoutMs: 20 }));
    await vi.waitFor(() => expect(socket.closed).not.toBeNull(), PATIENT);
    expect(seen.socket.frames).toEqual([]);
  });
});

describe('connections without a hello', () => {
  test('have a fifth of the time when there are more than 64', async () => {
    const first = open(new FakeEngine(), { handshakeTimeoutMs: 60_000 });
    const crowd = open(new FakeEngine(), { handshakeTimeoutMs: 100 });
    const peers = Array.from({ length: 70 }, () => join(crowd.host));
    await vi.waitFor(() => {
      expect(peers.filter(({ socket }) => socket.closed !== null).length).toBeGreaterThan(0);
    }, PATIENT);
    expect(first.socket.closed).toBeNull();
    await vi.waitFor(() => expect(crowd.host.connectionCount).toBe(0), PATIENT);
    expect(peers.every(({ socket }) => socket.errorCode === 'HANDSHAKE_TIMEOUT')).toBe(true);
  });

  test('may send 64 KiB before it, where that can be seen', () => {
    const peer = open(new FakeEngine());
    expect(peer.session.maxPartialBytes).toBe(64 * 1024);
    welcome(peer);
    expect(peer.session.maxPartialBytes).toBe(Number.POSITIVE_INFINITY);
  });
});
