/** Requests of a connection: checked for shape, handed to the control plane, answered. */
import {
  CONTROL_METHODS,
  FRAME,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  isControlMethod,
  isRingMQError,
  MAX_REQUESTS_IN_FLIGHT,
  makeFrame,
  OPCODE,
  RingMQError,
  readUint32,
} from '../native-free/wire/index.js';
import type { ConsumeSession } from './consume-session.js';
import { decodeControl, encodeControl } from './control-payload.js';
import { encodeError } from './error-body.js';
import type { SessionContext } from './session-context.js';

export class ControlSession {
  readonly #context: SessionContext;
  readonly #consume: ConsumeSession;
  #inFlightCount = 0;
  #inFlightBytes = 0;

  constructor(context: SessionContext, consume: ConsumeSession) {
    this.#context = context;
    this.#consume = consume;
  }

  /** A request frame. Throws BAD_FRAME for a payload that is no MessagePack map; all else is told in the response. */
  onRequest(bytes: Uint8Array): void {
    const id = readUint32(bytes, FRAME.id);
    const { maxRequestBytes } = this.#context.options;
    if (
      this.#inFlightCount >= MAX_REQUESTS_IN_FLIGHT ||
      (this.#inFlightCount > 0 && this.#inFlightBytes + bytes.length > maxRequestBytes)
    ) {
      this.#fail(
        id,
        new RingMQError('TOO_MANY_REQUESTS', undefined, {
          details: { limit: MAX_REQUESTS_IN_FLIGHT, limitBytes: maxRequestBytes },
        }),
      );
      return;
    }
    const { method, ...params } = decodeControl(bytes, FRAME_HEADER_BYTES);
    void this.#run(id, bytes.length, method, params);
  }

  async #run(
    id: number,
    frameBytes: number,
    method: unknown,
    params: Record<string, unknown>,
  ): Promise<void> {
    this.#inFlightCount++;
    this.#inFlightBytes += frameBytes;
    try {
      if (method === 'join') {
        await this.#consume.join(params, (result) => this.#answer(id, result));
      } else {
        this.#answer(id, await this.#call(method, params));
      }
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#inFlightCount--;
      this.#inFlightBytes -= frameBytes;
    }
  }

  #call(method: unknown, params: Record<string, unknown>): Promise<object> {
    if (typeof method !== 'string') {
      throw new RingMQError('BAD_REQUEST', 'a request needs a method');
    }
    if (!isControlMethod(method)) {
      const name = method.slice(0, 64);
      throw new RingMQError('NOT_SUPPORTED', `this broker knows no method ${name}`, {
        details: { method: name },
      });
    }
    if (method === 'leave') {
      return this.#consume.leave(params);
    }
    if (method === 'skipDamage') {
      return Promise.resolve(this.#consume.skipDamage(params));
    }
    const { needsConsumer } = CONTROL_METHODS[method];
    const key = needsConsumer ? this.#consume.keyOf(params['consumer']) : undefined;
    // The control plane checks the parameters against its schemas; they are unknown here.
    return this.#context.engine.call(method, params as never, key);
  }

  #answer(id: number, result: object): void {
    if (!this.#context.isOpen) {
      return;
    }
    this.#context.socket.send(makeFrame(OPCODE.response, id, { payload: encodeControl(result) }));
  }

  #fail(id: number, error: unknown): void {
    if (!this.#context.isOpen) {
      return;
    }
    if (!isRingMQError(error)) {
      this.#context.options.onDefect('a request failed', error);
    }
    const payload = encodeError(error);
    this.#context.socket.send(makeFrame(OPCODE.response, id, { flags: FRAME_FLAG.failed, payload }));
  }
}
