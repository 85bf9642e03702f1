/**
 * Requests of a connection: begun in the order they came, a few at a time, handed to the control plane, answered. What
 * has not begun waits here as the bytes that came, and is forgotten with the connection.
 *
 *     small ──▶ at most 16 under way ──────────────────────────┐
 *     large ──▶ one, in its turn among all connections ────────┼──▶ control plane ──▶ response
 *     costly (a look at everything) ──▶ one, in its turn … ────┘
 */
import {
  CONTROL_METHODS,
  FRAME,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  isControlMethod,
  isCostlyMethod,
  isRingMQError,
  MAX_REQUESTS_IN_FLIGHT,
  makeFrame,
  OPCODE,
  packQueueList,
  QUEUE_LISTS,
  RingMQError,
  readUint32,
} from '../native-free/wire/index.js';
import { audited } from './auth/audited.js';
import { filteredAnswer } from './auth/filtered-pages.js';
import { checkMethod, isFiltered, ownRight } from './auth/method-rights.js';
import type { ConsumeSession } from './consume-session.js';
import { decodeQueuesRequest, encodeControl } from './control-payload.js';
import { encodeError } from './error-body.js';
import { expectNoPayload } from './hello.js';
import type { SessionContext } from './session-context.js';

/** Small ones handed on at a time: what the others of a thread wait for at most. */
const MAX_RUNNING_COUNT = 16;
/** Begun in one turn of the event loop: the refusal of a request that makes no sense is over at once, and the next may follow. */
const MAX_BEGUN_IN_TURN_COUNT = 32;
/** A larger request takes a while to be understood. */
const SMALL_BYTES = 16 * 1024;
/** Refusing one costs as much of a connection's budget of frames. */
const REFUSAL_COST = 4;

interface Request {
  readonly id: number;
  readonly frameBytes: number;
  readonly method: unknown;
  readonly params: Record<string, unknown>;
}

export class ControlSession {
  readonly #context: SessionContext;
  readonly #consume: ConsumeSession;
  readonly #refusal: Uint8Array;
  #inFlightCount = 0;
  #inFlightBytes = 0;
  /** Frames that have not begun: requests, and credit that came behind them. */
  #waiting: Uint8Array[] = [];
  #waitingHead = 0;
  #runningCount = 0;
  #turn = -1;
  #begunInTurnCount = 0;
  #isResumeDue = false;
  readonly #resume = (): void => {
    this.#isResumeDue = false;
    this.#pump();
  };
  /** A large one waits for its turn, or is under way: those behind it wait for it. */
  #isHeld = false;
  readonly #costly: Request[] = [];
  #isCostlyRunning = false;

  constructor(context: SessionContext, consume: ConsumeSession) {
    this.#context = context;
    this.#consume = consume;
    const { maxRequestBytes } = context.options;
    this.#refusal = encodeError(
      new RingMQError('TOO_MANY_REQUESTS', undefined, {
        details: { limit: MAX_REQUESTS_IN_FLIGHT, limitBytes: maxRequestBytes },
      }),
    );
  }

  /** A request frame. Throws BAD_FRAME for a payload that is no MessagePack map; all else is told in the response. */
  onRequest(bytes: Uint8Array): void {
    const { options, host, engine } = this.#context;
    engine.meter.requests++;
    const isOver =
      this.#inFlightCount >= MAX_REQUESTS_IN_FLIGHT ||
      (this.#inFlightCount > 0 && this.#inFlightBytes + bytes.length > options.maxRequestBytes) ||
      (host.requestBytes > 0 && host.requestBytes + bytes.length > options.maxRequestBytesInAll);
    if (isOver) {
      this.#refuse(readUint32(bytes, FRAME.id));
      return;
    }
    this.#inFlightCount++;
    this.#inFlightBytes += bytes.length;
    host.requestBytes += bytes.length;
    if (bytes.length <= SMALL_BYTES && this.#waitingHead === this.#waiting.length && this.#mayBegin()) {
      this.#begin(bytes);
      return;
    }
    this.#waiting.push(Uint8Array.prototype.slice.call(bytes));
    this.#pump();
  }

  /** A credit frame: after the requests that came before it, for it may belong to a join among them. */
  onCredit(bytes: Uint8Array): void {
    expectNoPayload(bytes);
    if (!this.#context.spend(1)) {
      return;
    }
    if (this.#waitingHead === this.#waiting.length && !this.#isHeld) {
      this.#consume.onCredit(bytes);
    } else {
      this.#waiting.push(Uint8Array.prototype.slice.call(bytes));
    }
  }

  /** What has not begun never will. */
  close(): void {
    this.#waiting = [];
    this.#waitingHead = 0;
    this.#costly.length = 0;
    if (this.#inFlightCount > 0) {
      this.#context.engine.askerGone(this.#context.connectionKey);
    }
    // Those under way give back nothing more: all is given back here.
    this.#context.host.requestBytes -= this.#inFlightBytes;
    this.#inFlightBytes = 0;
  }

  /** Whether one more may begin now. If it is this turn's share that is used up, the next turn goes on. */
  #mayBegin(): boolean {
    if (this.#isHeld || this.#runningCount >= MAX_RUNNING_COUNT) {
      return false;
    }
    const { host } = this.#context;
    if (this.#turn !== host.turn) {
      this.#turn = host.turn;
      this.#begunInTurnCount = 0;
    }
    if (this.#begunInTurnCount < MAX_BEGUN_IN_TURN_COUNT) {
      return true;
    }
    if (!this.#isResumeDue) {
      this.#isResumeDue = true;
      host.inNextTurn(this.#resume);
    }
    return false;
  }

  #pump(): void {
    while (this.#mayBegin()) {
      const bytes = this.#waiting[this.#waitingHead];
      if (bytes === undefined) {
        this.#waiting = [];
        this.#waitingHead = 0;
        return;
      }
      this.#waitingHead++;
      if (bytes[FRAME.opcode] === OPCODE.credit) {
        this.#consume.onCredit(bytes);
      } else if (bytes.length <= SMALL_BYTES) {
        this.#beginWaiting(bytes);
      } else {
        this.#beginInTurn(bytes);
      }
    }
  }

  #beginWaiting(bytes: Uint8Array): void {
    try {
      this.#begin(bytes);
    } catch (error) {
      this.#context.failWith(error);
    }
  }

  #begin(bytes: Uint8Array): void {
    this.#begunInTurnCount++;
    const request = understood(bytes);
    if (isCostlyMethod(request.method)) {
      this.#costly.push(request);
      this.#pumpCostly();
      return;
    }
    this.#runningCount++;
    void this.#run(request).finally(() => {
      this.#runningCount--;
      this.#pump();
    });
  }

  #beginInTurn(bytes: Uint8Array): void {
    this.#isHeld = true;
    this.#context.host.heavyLane.add({
      isWanted: () => this.#context.isOpen,
      run: async () => {
        try {
          await this.#run(understood(bytes));
        } catch (error) {
          this.#context.failWith(error);
        }
        this.#isHeld = false;
        this.#pump();
      },
    });
  }

  #pumpCostly(): void {
    const request = this.#isCostlyRunning ? undefined : this.#costly.shift();
    if (request === undefined) {
      return;
    }
    this.#isCostlyRunning = true;
    const { heavyLane, searchLane } = this.#context.host;
    const lane = request.method === 'findMessages' ? searchLane : heavyLane;
    lane.add({
      isWanted: () => this.#context.isOpen,
      run: async () => {
        await this.#run(request);
        this.#isCostlyRunning = false;
        this.#pumpCostly();
      },
    });
  }

  /** Never rejects. */
  async #run({ id, frameBytes, method, params }: Request): Promise<void> {
    try {
      if (method === 'join') {
        const { principal } = this.#context;
        if (principal !== null) {
          checkMethod(method, params, principal);
        }
        await this.#consume.join(params, (result) => this.#answer(id, encodeControl(result)));
      } else {
        const { engine, asker } = this.#context;
        const work = (): Promise<Uint8Array> => this.#call(method, params);
        this.#answer(id, await audited(engine.access, asker, method, params, work));
      }
    } catch (error) {
      this.#fail(id, error);
    }
    if (this.#context.isOpen) {
      this.#inFlightCount--;
      this.#inFlightBytes -= frameBytes;
      this.#context.host.requestBytes -= frameBytes;
    }
  }

  async #call(method: unknown, params: Record<string, unknown>): Promise<Uint8Array> {
    if (typeof method !== 'string') {
      throw new RingMQError('BAD_REQUEST', 'a request needs a method');
    }
    if (!isControlMethod(method)) {
      const name = method.slice(0, 64);
      throw new RingMQError('NOT_SUPPORTED', `this broker knows no method ${name}`, {
        details: { method: name },
      });
    }
    const { principal } = this.#context;
    checkMethod(method, params, principal);
    const own = ownRight(method, params, principal);
    if (own !== null) {
      return encodeControl({ allowed: own });
    }
    if (principal !== null && isFiltered(method)) {
      const { engine } = this.#context;
      const answer = await filteredAnswer(method, params, principal.rights, (asked, how) =>
        engine.call(asked, how as never),
      );
      return encodeControl(answer);
    }
    if (method === 'renew') {
      return encodeControl(await this.#context.renew(params['token']));
    }
    if (method === 'leave') {
      return encodeControl(await this.#consume.leave(params));
    }
    if (method === 'flow') {
      return encodeControl(await this.#consume.flow(params));
    }
    if (method === 'skipDamage') {
      return encodeControl(this.#consume.skipDamage(params));
    }
    if (method === 'reportDamage') {
      return encodeControl(this.#consume.reportDamage(params));
    }
    const { needsConsumer } = CONTROL_METHODS[method];
    const key = needsConsumer ? this.#consume.keyOf(params['consumer']) : undefined;
    if (method === 'commit' || method === 'released' || method === 'seek') {
      const { parameter } = QUEUE_LISTS[method];
      params[parameter] = packQueueList(method, params[parameter]);
    }
    // The control plane checks the other parameters against its schemas; they are unknown here.
    return this.#context.engine.callForBytes(method, params, key, this.#context.connectionKey);
  }

  #answer(id: number, payload: Uint8Array): void {
    if (this.#context.isOpen) {
      this.#context.socket.send(makeFrame(OPCODE.response, id, { payload }));
      this.#context.checkUnread();
    }
  }

  #fail(id: number, error: unknown): void {
    if (!this.#context.isOpen) {
      return;
    }
    if (!isRingMQError(error)) {
      this.#context.options.onDefect('a request failed', error);
    }
    this.#sendFailure(id, encodeError(error));
  }

  #refuse(id: number): void {
    if (this.#context.spend(REFUSAL_COST)) {
      this.#sendFailure(id, this.#refusal);
    }
  }

  #sendFailure(id: number, payload: Uint8Array): void {
    this.#context.socket.send(makeFrame(OPCODE.response, id, { flags: FRAME_FLAG.failed, payload }));
    this.#context.checkUnread();
  }
}

/** Throws BAD_FRAME. */
function understood(bytes: Uint8Array): Request {
  const { method, ...params } = decodeQueuesRequest(bytes, FRAME_HEADER_BYTES);
  return { id: readUint32(bytes, FRAME.id), frameBytes: bytes.length, method, params };
}
