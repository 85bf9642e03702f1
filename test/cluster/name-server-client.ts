/** A connection to a name server, made by hand. */
import { once } from 'node:events';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import {
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameOpcode,
  makeFrame,
  type NameServerMethod,
  type NameServerMethods,
  OPCODE,
  SUBPROTOCOL,
  type Welcome,
} from '../../native-free/wire/index.js';
import { Watchers } from '../watchers.js';

const PACKR = new Packr({ useRecords: false });

type Answer = { failed: boolean; body: Record<string, unknown> };

const GONE: Answer = { failed: true, body: { code: 'CONNECTION_LOST', message: 'the socket is closed' } };

export class NameServerClient {
  readonly socket: WebSocket;
  readonly welcome: Promise<Welcome>;
  readonly events: Record<string, unknown>[] = [];
  /** What it said before it closed. */
  error: Record<string, unknown> | null = null;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;
  #welcomed: (welcome: Welcome) => void = () => {};
  readonly #watchers = new Watchers();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.welcome = new Promise((resolve) => {
      this.#welcomed = resolve;
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => this.#onFrame(data));
    socket.on('close', () => {
      for (const resolve of this.#waiting.values()) {
        resolve(GONE);
      }
      this.#watchers.tell();
    });
  }

  static async connect(url: string, hello: object | null = {}): Promise<NameServerClient> {
    const socket = new WebSocket(url, [SUBPROTOCOL], { perMessageDeflate: false });
    const client = new NameServerClient(socket);
    await once(socket, 'open');
    if (hello !== null) {
      client.send(OPCODE.hello, { version: 1, features: [], client: 'test', ...hello });
    }
    return client;
  }

  send(opcode: number, payload: object, id = 0): void {
    this.socket.send(makeFrame(opcode, id, { payload: PACKR.pack(payload) }));
  }

  /** Rejects with an Error whose message is the code. */
  async ask<M extends NameServerMethod>(
    method: M,
    params: NameServerMethods[M]['params'],
  ): Promise<NameServerMethods[M]['result']> {
    const { failed, body } = await this.request(method, params);
    if (failed) {
      throw new Error(`${String(body['code'])}: ${String(body['message'])}`);
    }
    return body as NameServerMethods[M]['result'];
  }

  request(method: string, params: object): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      if (this.socket.readyState !== WebSocket.OPEN) {
        resolve(GONE);
        return;
      }
      this.#waiting.set(id, resolve);
      this.send(OPCODE.request, { method, ...params }, id);
    });
  }

  /** Resolves when `condition` holds; looked at after each frame. */
  until(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition);
  }

  /** However it ends: `once` would fail with the error that comes before. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.readyState === WebSocket.CLOSED) {
        resolve();
      } else {
        this.socket.once('close', () => resolve());
      }
    });
  }

  close(): Promise<void> {
    this.socket.close();
    return this.closed();
  }

  #onFrame(frame: Buffer): void {
    const payload = (): Record<string, unknown> =>
      PACKR.unpack(frame.subarray(FRAME_HEADER_BYTES)) as Record<string, unknown>;
    switch (frameOpcode(frame)) {
      case OPCODE.welcome:
        this.#welcomed(payload() as unknown as Welcome);
        break;
      case OPCODE.response: {
        const resolve = this.#waiting.get(frameId(frame));
        this.#waiting.delete(frameId(frame));
        resolve?.({ failed: (frameFlags(frame) & FRAME_FLAG.failed) !== 0, body: payload() });
        break;
      }
      case OPCODE.event:
        this.events.push(payload());
        break;
      case OPCODE.error:
        this.error = payload();
        break;
    }
    this.#watchers.tell();
  }
}
