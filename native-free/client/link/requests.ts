/** Control requests that wait for their answers, over as many links as it takes. */
import { clearTimeout, setTimeout } from '../../time/index.js';
import {
  CONTROL_METHODS,
  type ControlMethods,
  type ErrorCode,
  errorCodeOfName,
  MAX_REQUESTS_IN_FLIGHT,
  NAME_SERVER_METHODS,
  type NameServerMethods,
  OPCODE,
  RingMQError,
} from '../../wire/index.js';
import { abortError, throwIfAborted, whenAborted } from '../abort.js';
import { controlFrame, controlPayload } from './control-codec.js';

/** Requests kept here at most, sent or not; beyond that `TOO_MANY_REQUESTS`. */
const MAX_WAITING = 65_536;
/** Waits before a request that was refused is sent again, doubled each time, between half and all of it at random. */
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;
/** Refusals for want of room: nothing was done, and there will be room. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TOO_MANY_REQUESTS', 'BROKER_BUSY']);

const STATE = {
  /** To be sent as soon as may be. */
  queued: 0,
  /** With the broker, on this link. */
  sent: 1,
  /** It was refused, and waits before it is sent again. */
  resting: 2,
} as const;

/** What brokers and name servers can be asked. */
type Methods = ControlMethods & NameServerMethods;
const METHODS = { ...CONTROL_METHODS, ...NAME_SERVER_METHODS } as const;

interface Waiting {
  readonly id: number;
  readonly method: keyof Methods;
  readonly frame: Uint8Array;
  state: number;
  /** Asking twice does no harm: sent again on the next link. Of others nobody knows, once sent, whether they were done. */
  readonly mayRepeat: boolean;
  /** What was refused is asked again until the time is over. */
  readonly mayWait: boolean;
  /** What the broker refused it with last. */
  refusal: RingMQError | null;
  retryMs: number;
  retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly resolve: (result: Record<string, unknown>) => void;
  readonly reject: (error: RingMQError) => void;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Asking twice does no harm, though the method might: send it again over the next connection. */
  mayRepeat?: boolean;
  /** Fail with `CONNECTION_LOST` at once when there is no connection, instead of waiting for one; and with a refusal at once. */
  onlyNow?: boolean;
}

/** What requests need of their connection. */
export interface RequestLine {
  send(frame: Uint8Array): void;
  /** May one more be under way now? */
  mayStart(): boolean;
  /** Why there is no link, while there is none. */
  readonly trouble: RingMQError | null;
  warn(message: string, details: Record<string, unknown>): void;
}

export class Requests {
  /** How long a request waits for its answer that says nothing else. */
  readonly timeoutMs: number;
  readonly #line: RequestLine;
  /** In the order of the calls. */
  readonly #waiting = new Map<number, Waiting>();
  /** Nobody waits for them any more, but the broker still has them, and counts them. */
  readonly #late = new Set<number>();
  #sentCount = 0;
  #nextId = 1;
  #isConnected = false;
  #link = 0;
  #failure: RingMQError | null = null;

  constructor(timeoutMs: number, line: RequestLine) {
    this.timeoutMs = timeoutMs;
    this.#line = line;
  }

  /** Counts the links there have been: what was learnt over an earlier one may not hold any more. */
  get link(): number {
    return this.#link;
  }

  /** Requests with the broker, on this link. */
  get inFlightCount(): number {
    return this.#sentCount;
  }

  /**
   * Calls a method. Rejects with the broker's error, `CONNECTION_LOST`, `ABORTED`, `TOO_MANY_REQUESTS`, or
   * `TIMEOUT`; at the time-out of one that was refused because the broker is busy, with that refusal.
   */
  call<M extends keyof Methods>(
    method: M,
    params: Methods[M]['params'],
    options: RequestOptions = {},
  ): Promise<Methods[M]['result']> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        throw this.#failure;
      }
      const { signal } = options;
      throwIfAborted(signal);
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
      const timeoutMs = options.timeoutMs ?? this.timeoutMs;
      const settle = () => {
        clearTimeout(timer);
        clearTimeout(request.retryTimer);
        unwatch();
        this.#waiting.delete(id);
      };
      const fail = (error: RingMQError) => {
        settle();
        reject(error);
      };
      const giveUp = (error: RingMQError) => {
        if (request.state === STATE.sent) {
          this.#late.add(id);
        }
        fail(error);
      };
      const onAbort = () => giveUp(abortError(signal as AbortSignal));
      const timer = setTimeout(() => giveUp(this.#timeoutOf(request, timeoutMs)), timeoutMs);
      const request: Waiting = {
        id,
        method,
        frame,
        state: STATE.queued,
        mayRepeat: METHODS[method].isRepeatable || options.mayRepeat === true,
        mayWait: options.onlyNow !== true,
        refusal: null,
        retryMs: RETRY_MIN_MS,
        retryTimer: undefined,
        resolve: (result) => {
          settle();
          resolve(result as unknown as Methods[M]['result']);
        },
        reject: fail,
      };
      const unwatch = whenAborted(signal, onAbort);
      this.#waiting.set(id, request);
      this.pump();
    });
  }

  #timeoutOf({ method, refusal }: Waiting, timeoutMs: number): RingMQError {
    const details = { method };
    if (refusal !== null) {
      const message = `${refusal.message}; still so after ${timeoutMs} ms`;
      return new RingMQError(refusal.code, message, {
        cause: refusal,
        details: { ...refusal.details, ...details },
      });
    }
    const { trouble } = this.#line;
    const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
    return new RingMQError('TIMEOUT', `no answer to ${method} within ${timeoutMs} ms${why}`, {
      ...(trouble === null ? {} : { cause: trouble }),
      details,
    });
  }

  onConnected(): void {
    this.#isConnected = true;
    this.#link++;
    this.pump();
  }

  /**
   * The link is gone: what may be repeated waits for the next one, the rest fails. `blamed`: the link ended
   * over the only request that was under way, with this; it is not sent again.
   */
  onLost(blamed: RingMQError | null): void {
    this.#isConnected = false;
    this.#sentCount = 0;
    this.#late.clear();
    for (const request of [...this.#waiting.values()]) {
      if (request.state !== STATE.sent) {
        continue;
      }
      request.state = STATE.queued;
      if (blamed !== null) {
        request.reject(blamed);
      } else if (!request.mayRepeat) {
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
    if (this.#late.delete(id)) {
      this.#sentCount--;
      this.pump();
      return;
    }
    const request = this.#waiting.get(id);
    if (request === undefined || request.state !== STATE.sent) {
      return;
    }
    const body = controlPayload(frame);
    this.#sentCount--;
    if (!failed) {
      request.resolve(body);
    } else {
      this.#onRefused(request, body);
    }
    this.pump();
  }

  #onRefused(request: Waiting, body: Record<string, unknown>): void {
    const code = errorCodeOfName(String(body['code']));
    const details = typeof body['details'] === 'object' && body['details'] !== null ? body['details'] : {};
    const error = new RingMQError(code, String(body['message'] ?? ''), {
      details: details as Record<string, unknown>,
    });
    if (!request.mayWait || !PASSING.has(code)) {
      request.reject(error);
      return;
    }
    if (request.refusal?.code !== code) {
      this.#line.warn(`the broker refuses a request (${code}: ${error.message}); it is asked again`, {
        code,
        method: request.method,
      });
    }
    request.refusal = error;
    request.state = STATE.resting;
    const waitMs = request.retryMs * (0.5 + 0.5 * Math.random());
    request.retryMs = Math.min(RETRY_MAX_MS, request.retryMs * 2);
    request.retryTimer = setTimeout(() => {
      request.state = STATE.queued;
      this.pump();
    }, waitMs);
  }

  /** Sends what may be sent. */
  pump(): void {
    if (!this.#isConnected) {
      return;
    }
    for (const request of this.#waiting.values()) {
      if (this.#sentCount >= MAX_REQUESTS_IN_FLIGHT || !this.#line.mayStart()) {
        return;
      }
      if (request.state !== STATE.queued) {
        continue;
      }
      request.state = STATE.sent;
      this.#sentCount++;
      this.#line.send(request.frame);
    }
  }
}
