/**
 * One plain HTTP request on the native listener: its body in, its answer out.
 *
 * What has to be known of uWebSockets.js:
 * - Request and chunks are gone when their handler returns, and any use of a response after its end throws.
 * - It ends a connection whose body comes at less than 16 KiB/s, which a stream of lines may do: to pause and
 *   go on begins that time anew. Who sends nothing for long is cut off here.
 * - `end` with `closeConnection` writes a header, behind a stream's pieces, too. So a stream's end leaves it to the
 *   peer, who was told in the head, to close; else it is closed as any that asks nothing for 10 s.
 * - A chunk of a stream is copied as far as the kernel does not take it, and tried again with whatever comes. A try that
 *   fails has the socket read on, also one that was paused: it is paused once more behind it.
 */
import { setImmediate } from 'node:timers';
import {
  HTTP_ANSWER_TIMEOUT_MS,
  HTTP_BODY_IDLE_MS,
  type HttpAnswer,
  type HttpBodyFlow,
  type HttpBodyReader,
  type HttpRequest,
  type HttpSink,
  type HttpStream,
} from '../native-free/listener/types.js';
import { headersOf, statusText } from '../native-free/listener/upgrade-rules.js';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../native-free/time/index.js';
import type { UwsHttpRequest, UwsHttpResponse } from './uws-types.js';

const ADDRESS_DECODER = new TextDecoder();
/** Sooner than uWebSockets.js ends a connection for being slow. */
const REVIVE_MS = 4_000;
const NOTHING = new Uint8Array(0);

export class UwsExchange implements HttpSink {
  readonly #response: UwsHttpResponse;
  #isOver = false;
  #isHead = false;
  #reader: UwsBody | null = null;
  #stream: HttpStream | null = null;
  #stalled: NodeJS.Timeout | null = null;

  /** While the request's handler runs. */
  constructor(response: UwsHttpResponse) {
    this.#response = response;
    response.onAborted(() => {
      this.#over();
      this.#reader?.gone();
    });
  }

  read(request: UwsHttpRequest, isSecure: boolean): HttpRequest {
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    request.forEach((name, value) => {
      const before = headers[name];
      headers[name] = before === undefined ? value : `${before}, ${value}`;
    });
    const method = request.getMethod().toUpperCase();
    this.#isHead = method === 'HEAD';
    return {
      method,
      path: request.getUrl(),
      query: request.getQuery() ?? '',
      host: request.getHeader('host'),
      headers,
      remote: ADDRESS_DECODER.decode(this.#response.getRemoteAddressAsText()),
      isSecure,
      certifiedUser: null,
      takeBody: (reader) => {
        const body = new UwsBody(this.#response, reader);
        this.#reader = body;
        return body;
      },
    };
  }

  giveCorked(answer: HttpAnswer): void {
    if (!this.#isOver) {
      this.#response.cork(() => this.give(answer));
    }
  }

  /** Within the request's handler, or corked. */
  give(answer: HttpAnswer): void {
    const response = this.#response;
    response.writeStatus(statusText(answer.status));
    for (const [name, value] of Object.entries(headersOf(answer))) {
      response.writeHeader(name, value);
    }
    const { body } = answer;
    if (this.#isHead) {
      // A body would be taken for the next answer.
      this.#over();
      response.endWithoutBody(0, true);
      return;
    }
    if (typeof body === 'string') {
      this.#over();
      response.end(body, true);
      return;
    }
    response.writeHeader('Connection', 'close');
    if (body instanceof Uint8Array) {
      this.#giveBytes(body);
      return;
    }
    this.#stream = body;
    response.onWritable(() => {
      this.#calm();
      if (!this.#isOver) {
        this.#stream?.onDrain();
      }
      return true;
    });
    body.begin(this);
  }

  /** Piece by piece as the kernel takes it: what is left of a page is not copied for everybody who does not read his. */
  #giveBytes(body: Uint8Array): void {
    const response = this.#response;
    const begun = response.getWriteOffset();
    const give = (): boolean => {
      const [isTaken, isDone] = response.tryEnd(
        body.subarray(response.getWriteOffset() - begun),
        body.length,
      );
      if (isDone) {
        this.#over();
      }
      return isTaken;
    };
    if (!give()) {
      response.onWritable(() => this.#isOver || give());
      this.#cutLater();
    }
  }

  write(bytes: Uint8Array): boolean {
    let isTaken = true;
    if (!this.#isOver && bytes.length > 0) {
      this.#response.cork(() => {
        isTaken = this.#response.write(bytes);
      });
      if (!isTaken) {
        this.#reader?.stayPaused();
      }
      if (!isTaken && this.#stalled === null) {
        this.#cutLater();
      }
    }
    return isTaken;
  }

  end(): void {
    if (!this.#isOver) {
      // What would still come of a body is not read for nothing.
      this.#reader?.pause();
      this.#over();
      this.#response.cork(() => this.#response.end(NOTHING, false));
    }
  }

  cut(): void {
    if (!this.#isOver) {
      this.#response.close();
    }
  }

  #cutLater(): void {
    this.#stalled = setTimeout(() => this.cut(), HTTP_ANSWER_TIMEOUT_MS);
    this.#stalled.unref();
  }

  #calm(): void {
    if (this.#stalled !== null) {
      clearTimeout(this.#stalled);
      this.#stalled = null;
    }
  }

  #over(): void {
    this.#isOver = true;
    this.#calm();
    this.#reader?.over();
  }
}

class UwsBody implements HttpBodyFlow {
  readonly #response: UwsHttpResponse;
  readonly #reader: HttpBodyReader;
  readonly #revive: NodeJS.Timeout;
  #lastMs = monotonicMs();
  #isPaused = false;
  #isEnded = false;
  #isOver = false;
  readonly #staysPaused = (): void => this.stayPaused();

  constructor(response: UwsHttpResponse, reader: HttpBodyReader) {
    this.#response = response;
    this.#reader = reader;
    response.onData((chunk, isLast) => this.#onData(chunk, isLast));
    this.#revive = setInterval(() => this.#look(), REVIVE_MS);
    this.#revive.unref();
  }

  pause(): void {
    if (!this.#isOver && !this.#isPaused && !this.#isEnded) {
      this.#isPaused = true;
      this.#response.pause();
    }
  }

  resume(): void {
    if (!this.#isOver && this.#isPaused) {
      this.#isPaused = false;
      this.#lastMs = monotonicMs();
      this.#response.resume();
    }
  }

  /** Something was written, and the kernel has not taken all of it. */
  stayPaused(): void {
    if (this.#isPaused && !this.#isOver) {
      this.#response.pause();
    }
  }

  /** The answer was given, or the connection went. */
  over(): void {
    this.#isOver = true;
    clearInterval(this.#revive);
  }

  gone(): void {
    this.#reader.onGone();
  }

  #onData(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#isOver || this.#isEnded) {
      return;
    }
    this.#lastMs = monotonicMs();
    if (chunk.byteLength > 0) {
      this.#reader.onChunk(new Uint8Array(chunk));
    }
    if (this.#isPaused && !isLast) {
      // Behind what the library writes for this chunk.
      setImmediate(this.#staysPaused);
    }
    if (isLast) {
      this.#isEnded = true;
      // From here on only its end can be heard of the connection.
      this.resume();
      this.#reader.onEnd();
    }
  }

  #look(): void {
    if (this.#isPaused) {
      return;
    }
    if (!this.#isEnded && monotonicMs() - this.#lastMs > HTTP_BODY_IDLE_MS) {
      this.#response.close();
      return;
    }
    this.#response.pause();
    this.#response.resume();
  }
}
