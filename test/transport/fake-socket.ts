/** A connection that remembers, and a client's end of it. */
import type { Socket, SocketHandler } from '../../native-free/listener/types.js';
import { OPCODE } from '../../native-free/wire/index.js';
import type { Session } from '../../transport/session.js';
import { SessionHost } from '../../transport/session-host.js';
import type { SessionOptions } from '../../transport/session-options.js';
import type { FakeEngine } from './fake-engine.js';
import { decodePayload, helloFrame, type ParsedFrame, parseFrame } from './make-batch.js';

export class FakeSocket implements Socket {
  readonly remote = 'test';
  bufferedBytes = 0;
  closed: { code: number; reason: string } | null = null;
  readonly frames: ParsedFrame[] = [];
  handler: SocketHandler | null = null;

  send(frame: Uint8Array): void {
    // A copy, as a real socket takes: the session uses the bytes again.
    if (this.closed === null) {
      this.frames.push(parseFrame(Uint8Array.prototype.slice.call(frame)));
    }
  }
  cork(fn: () => void): void {
    fn();
  }
  close(code: number, reason: string): void {
    if (this.closed !== null) {
      return;
    }
    this.closed = { code, reason };
    this.handler?.onClose();
  }

  cut(): void {
    this.close(1006, '');
  }

  /** Frames of one opcode since the last call, all taken. */
  take(opcode: number): ParsedFrame[] {
    const taken = this.frames.filter((frame) => frame.opcode === opcode);
    const rest = this.frames.filter((frame) => frame.opcode !== opcode);
    this.frames.splice(0, this.frames.length, ...rest);
    return taken;
  }

  /** The error frame's code, or undefined. */
  get errorCode(): unknown {
    const frame = this.frames.find(({ opcode }) => opcode === OPCODE.error);
    return frame === undefined ? undefined : decodePayload(frame)['code'];
  }
}

export interface Peer {
  host: SessionHost;
  session: Session;
  socket: FakeSocket;
}

/** A session on a host of its own, before hello. */
export function open(engine: FakeEngine, options: Partial<SessionOptions> = {}): Peer {
  return join(new SessionHost(engine, { listener: 'ws', pickFirst: () => 0, ...options }));
}

/** One more session on a host. */
export function join(host: SessionHost): Peer {
  const socket = new FakeSocket();
  const session = host.open(socket);
  socket.handler = session;
  return { host, session, socket };
}

/** The same, welcomed. */
export function welcome(peer: Peer): Peer {
  peer.session.onFrame(helloFrame());
  peer.socket.take(OPCODE.welcome);
  return peer;
}

/** Lets microtasks and the turn after them run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}
