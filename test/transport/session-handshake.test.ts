import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import { join, open, settle, welcome } from './fake-socket.js';
import {
  controlFrame,
  decodePayload,
  helloFrame,
  makeBatch,
  produceFrame,
  requestFrame,
} from './make-batch.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('the handshake', () => {
  test('hello is answered by welcome with the first credit', () => {
    const { session, socket } = open(new FakeEngine(), { produceWindowBytes: 1000 });
    session.onFrame(helloFrame({ features: ['later'], credentials: { scheme: 'none' }, more: true }));
    const [frame] = socket.take(OPCODE.welcome);
    expect(frame?.value).toBe(1000);
    expect(frame === undefined ? {} : decodePayload(frame)).toMatchObject({
      version: 1,
      features: [],
      brokerId: '00112233445566aa',
      openingId: '5e0c3b7a91d2f468',
      flush: 'sync',
      listener: 'ws',
      limits: { bodyBytes: 4 * 1024 * 1024 },
    });
    expect(socket.closed).toBeNull();
  });

  test.each([
    ['another version', helloFrame({ version: 2 }), 'UNSUPPORTED_VERSION'],
    ['version 0', helloFrame({ version: 0 }), 'UNSUPPORTED_VERSION'],
    ['no version', controlFrame(OPCODE.hello, 0, { features: [], client: '' }), 'BAD_FRAME'],
    ['features that are no list', helloFrame({ features: 'all' }), 'BAD_FRAME'],
    ['a feature that is no string', helloFrame({ features: [1] }), 'BAD_FRAME'],
    ['a long client name', helloFrame({ client: 'x'.repeat(128) }), 'BAD_FRAME'],
    ['no payload', makeFrame(OPCODE.hello, 0), 'BAD_FRAME'],
    ['bytes behind the payload', Buffer.concat([helloFrame(), Buffer.from([0xc0])]), 'BAD_FRAME'],
    ['a payload cut short', helloFrame().subarray(0, 30), 'BAD_FRAME'],
    [
      'a payload that is no map',
      makeFrame(OPCODE.hello, 0, { payload: Buffer.from([0x93, 1, 2, 3]) }),
      'BAD_FRAME',
    ],
    ['a request first', requestFrame(1, 'listTopics'), 'BAD_FRAME'],
    ['a batch first', produceFrame(1, makeBatch([{ body: 'x' }])), 'BAD_FRAME'],
    ['a short frame', Buffer.from([1, 0, 0]), 'BAD_FRAME'],
    ['nothing', Buffer.alloc(0), 'BAD_FRAME'],
    ['a flag', makeFrame(OPCODE.hello, 0, { flags: 1 }), 'BAD_FRAME'],
  ])('%s ends the connection', (_what, frame, code) => {
    const engine = new FakeEngine();
    engine.addTopic(1, 1);
    const peer = open(engine);
    const neighbour = welcome(join(peer.host));
    peer.session.onFrame(frame);
    expect(peer.socket.errorCode).toBe(code);
    expect(peer.socket.closed).toEqual({ code: 1002, reason: code });
    peer.session.onFrame(helloFrame());
    expect(peer.socket.take(OPCODE.welcome)).toHaveLength(0);
    expect(engine.appended).toBe(0);
    expect(neighbour.socket.closed).toBeNull();
    expect(peer.host.connectionCount).toBe(1);
  });

  test('a hello of more than 64 KiB ends the connection', () => {
    const { session, socket } = open(new FakeEngine());
    session.onFrame(makeFrame(OPCODE.hello, 0, { payload: Buffer.alloc(64 * 1024, 0x80) }));
    expect(socket.errorCode).toBe('FRAME_TOO_LARGE');
    expect(socket.closed).toEqual({ code: 1009, reason: 'FRAME_TOO_LARGE' });
  });

  test('a connection that says nothing is cut off', async () => {
    const { socket } = open(new FakeEngine(), { handshakeTimeoutMs: 20 });
    expect(socket.closed).toBeNull();
    await vi.waitFor(() => expect(socket.closed).toEqual({ code: 1006, reason: '' }), {
      timeout: 60_000,
    });
    expect(socket.errorCode).toBe('HANDSHAKE_TIMEOUT');
  });

  test('hello twice ends the connection', () => {
    const { session, socket } = welcome(open(new FakeEngine()));
    session.onFrame(helloFrame());
    expect(socket.errorCode).toBe('BAD_FRAME');
  });

  test('a text message ends the connection', () => {
    const { session, socket } = welcome(open(new FakeEngine()));
    session.onText();
    expect(socket.errorCode).toBe('BAD_FRAME');
  });

  test('a frame over the limit ends the connection', () => {
    const { session, socket } = welcome(open(new FakeEngine(), { maxFrameBytes: 1000 }));
    session.onFrame(new Uint8Array(1001));
    expect(socket.errorCode).toBe('FRAME_TOO_LARGE');
    expect(socket.closed?.code).toBe(1009);
  });

  test('ping is answered by pong with its id', () => {
    const { session, socket } = welcome(open(new FakeEngine()));
    session.onFrame(makeFrame(OPCODE.ping, 77));
    expect(socket.take(OPCODE.pong).map(({ id }) => id)).toEqual([77]);
    session.onFrame(makeFrame(OPCODE.pong, 1));
    expect(socket.closed).toBeNull();
    session.onFrame(makeFrame(OPCODE.ping, 1, { payload: new Uint8Array(1) }));
    expect(socket.errorCode).toBe('BAD_FRAME');
  });

  test('a peer that asks and never reads is cut off', () => {
    const { session, socket } = welcome(
      open(new FakeEngine(), { maxBufferedBytes: 1000, maxUnreadBytes: 1000 }),
    );
    socket.bufferedBytes = 2000;
    session.onFrame(makeFrame(OPCODE.ping, 1));
    expect(socket.closed).toBeNull();
    socket.bufferedBytes = 2001;
    session.onFrame(makeFrame(OPCODE.ping, 1));
    expect(socket.closed).toEqual({ code: 1006, reason: '' });
    expect(socket.errorCode).toBe('TOO_MANY_REQUESTS');
  });

  test('a closing host tells every connection, and late ones', async () => {
    const peer = welcome(open(new FakeEngine()));
    const other = welcome(join(peer.host));
    peer.host.close();
    expect(peer.socket.closed).toEqual({ code: 1001, reason: 'BROKER_CLOSED' });
    expect(other.socket.errorCode).toBe('BROKER_CLOSED');
    expect(peer.host.connectionCount).toBe(0);
    const late = join(peer.host);
    await settle();
    expect(late.socket.errorCode).toBe('BROKER_CLOSED');
  });
});
