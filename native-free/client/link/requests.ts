/** Control requests that wait for their answers, over as many links as it takes. */
import { clearTimeout, setTimeout } from '../../time/index.js';
import {
  CONTROL_METHODS,
  type ControlMethod,
  type ControlMethods,
  errorCodeOfName,
  MAX_REQUESTS_IN_FLIGHT,
  OPCODE,
  RingMQError,
} from '../../wire/index.js';
import { abortError, throwIfAborted } from '../abort.js';
import { controlFrame, controlPayload } from './control-codec.js';

/** Requests kept here at most, sent or not; beyond that `TOO_MANY_REQUESTS`. */
const MAX_WAITING = 65_536;

interface Waiting {
  id: number;
  frame: Uint8Array;
  isSent: boolean;
  /** Asking twice does no harm: sent again on the next link. Of others nobody knows, once sent, whether they were done. */
  mayRepeat: boolean;
  resolve: (result: Record<string, unknown>) => void;
  reject: (error: RingMQError) => void;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Asking twice does no harm, though the method might: send it again over the next connection. */
  mayRepeat?: boolean;
  /** Fail with `CONNECTION_LOST` at once when there is no connection, instead of waiting for one. */
  onlyNow?: boolean;
}

export class Requests {
  readonly #timeoutMs: number;
  readonly #send: (frame: Uint8Array) => void;
  /** In the order of the calls. */
  readonly #waiting = new Map<number, Waiting>();
  #sentCount = 0;
  #nextId = 1;
  #isConnected = false;
  #link = 0;
  #failure: RingMQError | null = null;

  constructor(timeoutMs: number, send: (frame: Uint8Array) => void) {
    this.#timeoutMs = timeoutMs;
    this.#send = send;
  }

  /** Counts the links there have been: what was learnt over an earlier one may not hold any more. */
  get link(): number {
    return this.#link;
  }

  /** Calls a method. Rejects with the broker's error, `TIMEOUT`, `CONNECTION_LOST`, `ABORTED`, `TOO_MANY_REQUESTS`. */
  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    options: RequestOptions = {},
  ): Promise<ControlMethods[M]['result']> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        throw this.#failure;
      }
      throwIfAborted(options.signal);
      if (options.onlyNow === true && !this.#isConnected) {
        throw new RingMQError('CONNECTION_LOST');
      }
      if (this.#waiting.size >= MAX_WAITING) {
        throw new RingMQError('TOO_MANY_REQUESTS', undefined, {
          details: { limit: MAX_WAITING, value: this.#waiting.size },
        });
      }
      const id = this.#nextId;
      this.#nextId = (id + 1) >>> 0;
      const frame = controlFrame(OPCODE.request, id, { method, ...params });
      const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
      const settle = () => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        this.#forget(id);
      };
      const fail = (error: RingMQError) => {
        settle();
        reject(error);
      };
      const onAbort = () => fail(abortError(options.signal as AbortSignal));
      const timer = setTimeout(
        () => fail(new RingMQError('TIMEOUT', `no answer to ${method} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        id,
        frame,
        isSent: false,
        mayRepeat: CONTROL_METHODS[method].isRepeatable || options.mayRepeat === true,
        resolve: (result) => {
          settle();
          resolve(result as unknown as ControlMethods[M]['result']);
        },
        reject: fail,
      });
      if (this.#isConnected) {
        this.#pump();
      }
    });
  }

  onConnected(): void {
    this.#isConnected = true;
    this.#link++;
    this.#pump();
  }

  /** The link is gone: what may be repeated waits for the next one, the rest fails. */
  onLost(): void {
    this.#isConnected = false;
    this.#sentCount = 0;
    for (const request of [...this.#waiting.values()]) {
      if (!request.isSent) {
        continue;
      }
      request.isSent = false;
      if (!request.mayRepeat) {
        request.reject(new RingMQError('CONNECTION_LOST'));
      }
    }
  }

  /** There will be no other link. */
  fail(error: RingMQError): void {
    this.#failure = error;
    this.#isConnected = false;
    for (const request of [...this.#waiting.values()]) {
      request.reject(error);
    }
  }

  onResponse(id: number, failed: boolean, frame: Uint8Array): void {
    const request = this.#waiting.get(id);
    if (request === undefined) {
      return;
    }
    const body = controlPayload(frame);
    if (!failed) {
      request.resolve(body);
    } else {
      const code = errorCodeOfName(String(body['code']));
      const details = typeof body['details'] === 'object' && body['details'] !== null ? body['details'] : {};
      request.reject(
        new RingMQError(code, String(body['message'] ?? ''), { details: details as Record<string, unknown> }),
      );
    }
    this.#pump();
  }

  #pump(): void {
    if (!this.#isConnected) {
      return;
    }
    for (const request of this.#waiting.values()) {
      if (this.#sentCount >= MAX_REQUESTS_IN_FLIGHT) {
        return;
      }
      if (request.isSent) {
        continue;
      }
      request.isSent = true;
      this.#sentCount++;
      this.#send(request.frame);
    }
  }

  #forget(id: number): void {
    const request = this.#waiting.get(id);
    if (request?.isSent) {
      this.#sentCount--;
    }
    this.#waiting.delete(id);
  }
}
