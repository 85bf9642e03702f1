/**
 * A listener thread's way to the API, which is answered on the thread that opened the broker. Nothing of it is
 * looked at here but how many there are: a request goes over as it came, its body as far as it is asked for.
 */
import type { MessagePort } from 'node:worker_threads';
import type {
  HttpAnswer,
  HttpBodyFlow,
  HttpRequest,
  HttpSink,
  HttpStream,
} from '../../native-free/listener/types.js';
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import { type ApiAnswer, type ApiAsk, BODY_WINDOW_BYTES } from './api-messages.js';

/** Requests of one listener thread that wait for their answer, streams with them: those beyond are refused on this thread. */
const MAX_OPEN_COUNT = 2_048;
/** Of a body that nobody wants any more, so much is read, and for so long, before its answer is given. */
const SPARE_BYTES = 1024 * 1024;
const SPARE_MS = 500;

/** So much more than was asked for may come of a body before a pause holds. */
const MAX_OVERRUN_BYTES = 4 * 1024 * 1024;

export const JSON_TYPE = 'application/json; charset=utf-8';

const REFUSED: HttpAnswer = {
  status: 503,
  contentType: JSON_TYPE,
  headers: { 'Retry-After': '1' },
  body: `${JSON.stringify({
    code: 'TOO_MANY_REQUESTS',
    message: 'more HTTP requests are under way than are answered at a time; try again',
    retryable: true,
    details: { limit: MAX_OPEN_COUNT },
  })}\n`,
};

const CLOSED: HttpAnswer = {
  status: 503,
  contentType: JSON_TYPE,
  body: `${JSON.stringify({ code: 'BROKER_CLOSED', message: 'the broker is closed', retryable: true, details: {} })}\n`,
};

const OVERRUN: HttpAnswer = {
  status: 500,
  contentType: JSON_TYPE,
  body: `${JSON.stringify({
    code: 'INTERNAL',
    message: 'the body was read on though its reading was paused',
    retryable: false,
    details: {},
  })}\n`,
};

export class ApiDoor {
  readonly #port: MessagePort;
  readonly #open = new Map<number, Passage>();
  #nextId = 1;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: ApiAnswer) => this.#open.get(answer.id)?.answered(answer));
    port.once('close', () => this.close());
    port.unref();
  }

  /** Whether a path is the API's. */
  static has(path: string): boolean {
    return path === '/api' || path.startsWith('/api/');
  }

  /** Never rejects. To be called while the request's own handler runs. */
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    if (this.#isClosed) {
      return CLOSED;
    }
    if (this.#open.size >= MAX_OPEN_COUNT) {
      return REFUSED;
    }
    const id = this.#nextId++;
    const passage = new Passage(
      id,
      (ask, transfer) => this.#port.postMessage(ask, transfer),
      () => this.#open.delete(id),
    );
    this.#open.set(id, passage);
    return passage.start(request);
  }

  /** What waits is told that there is nobody any more. */
  close(): void {
    this.#isClosed = true;
    for (const passage of [...this.#open.values()]) {
      passage.abandon();
    }
    this.#port.close();
  }
}

/** One request on its way. */
class Passage implements HttpStream {
  readonly #id: number;
  readonly #send: (ask: ApiAsk, transfer?: ArrayBuffer[]) => void;
  readonly #onOver: () => void;
  #resolve: ((answer: HttpAnswer) => void) | null = null;
  #flow: HttpBodyFlow | null = null;
  #windowBytes = BODY_WINDOW_BYTES;
  #sink: HttpSink | null = null;
  /** Came before the sink was there. */
  #early: ApiAnswer[] = [];
  #untakenBytes = 0;
  #isOver = false;
  #isBodyEnded = false;
  /** The answer, while some of a body that nobody wants is read. */
  #last: (() => void) | null = null;
  #lastTimer: NodeJS.Timeout | null = null;
  #spareBytes = SPARE_BYTES;

  constructor(id: number, send: (ask: ApiAsk, transfer?: ArrayBuffer[]) => void, onOver: () => void) {
    this.#id = id;
    this.#send = send;
    this.#onOver = onOver;
  }

  start(request: HttpRequest): Promise<HttpAnswer> {
    const id = this.#id;
    const { method, path, query, headers, remote, isSecure, certifiedUser } = request;
    const head = { method, path, query, headers: { ...headers }, remote, isSecure, certifiedUser };
    this.#send({ type: 'ask', id, head });
    this.#flow = request.takeBody({
      onChunk: (bytes) => this.#chunk(bytes),
      onEnd: () => {
        this.#isBodyEnded = true;
        this.#giveLast();
        if (!this.#isOver) {
          this.#send({ type: 'end', id });
        }
      },
      onGone: () => {
        if (!this.#isOver) {
          this.#send({ type: 'gone', id });
          this.#over();
        }
      },
    });
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  answered(answer: ApiAnswer): void {
    switch (answer.type) {
      case 'more':
        this.#windowBytes += answer.bytes;
        if (this.#windowBytes > 0) {
          this.#flow?.resume();
        }
        break;
      case 'answer': {
        const { status, headers, body } = answer;
        if (body === null) {
          this.#resolve?.({ status, headers, body: this });
          break;
        }
        this.#over();
        this.#last = () => this.#resolve?.({ status, headers, body });
        this.#lastSoon();
        break;
      }
      default:
        this.#toSink(answer);
    }
  }

  /** From the listener: the head is given. */
  begin(sink: HttpSink): void {
    this.#sink = sink;
    for (const answer of this.#early.splice(0)) {
      this.#toSink(answer);
    }
  }

  onDrain(): void {
    this.#taken();
  }

  abandon(): void {
    const resolve = this.#resolve;
    this.#over();
    this.#sink?.cut();
    resolve?.(CLOSED);
  }

  /**
   * An answer that comes before the body has ended closes the connection under its sender, who may never see it.
   * So a little more of the body is read first, and thrown away.
   */
  #lastSoon(): void {
    if (this.#isBodyEnded || this.#spareBytes <= 0) {
      this.#giveLast();
      return;
    }
    this.#lastTimer = setTimeout(() => this.#giveLast(), SPARE_MS);
    this.#lastTimer.unref();
    this.#flow?.resume();
  }

  #giveLast(): void {
    if (this.#lastTimer !== null) {
      clearTimeout(this.#lastTimer);
      this.#lastTimer = null;
    }
    const last = this.#last;
    this.#last = null;
    last?.();
  }

  #chunk(bytes: Uint8Array): void {
    if (this.#isOver) {
      this.#spareBytes -= bytes.length;
      if (this.#spareBytes <= 0) {
        this.#flow?.pause();
        this.#giveLast();
      }
      return;
    }
    this.#windowBytes -= bytes.length;
    if (this.#windowBytes <= 0) {
      this.#flow?.pause();
    }
    // What is not paused would fill the memory of the thread that answers.
    if (this.#windowBytes < -MAX_OVERRUN_BYTES) {
      const resolve = this.#resolve;
      this.#send({ type: 'gone', id: this.#id });
      this.#over();
      this.#sink?.cut();
      resolve?.(OVERRUN);
      return;
    }
    const copy = bytes.slice();
    this.#send({ type: 'chunk', id: this.#id, bytes: copy }, [copy.buffer]);
  }

  #toSink(answer: ApiAnswer): void {
    const sink = this.#sink;
    if (sink === null) {
      this.#early.push(answer);
      return;
    }
    switch (answer.type) {
      case 'piece':
        this.#untakenBytes += answer.bytes.length;
        if (sink.write(answer.bytes)) {
          this.#taken();
        }
        break;
      case 'finish':
        this.#over();
        sink.end();
        break;
      case 'cut':
        this.#over();
        sink.cut();
        break;
      default:
    }
  }

  #taken(): void {
    const bytes = this.#untakenBytes;
    this.#untakenBytes = 0;
    if (!this.#isOver && bytes > 0) {
      this.#send({ type: 'taken', id: this.#id, bytes });
    }
  }

  #over(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#onOver();
    }
  }
}
