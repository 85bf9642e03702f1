/** One plain HTTP request on the JavaScript listener: its body in, its answer out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { clearTimeout, setTimeout } from '../time/index.js';
import { certifiedUserOf } from './client-certificates.js';
import type { OneRequest } from './one-request.js';
import {
  HTTP_ANSWER_TIMEOUT_MS,
  HTTP_BODY_IDLE_MS,
  type HttpAnswer,
  type HttpBodyFlow,
  type HttpBodyReader,
  type HttpRequest,
  type HttpSink,
  type HttpStream,
  type ListenerTls,
} from './types.js';
import { headersOf } from './upgrade-rules.js';

/** `one`: which lets the body reach Node's parser. `clientName`: what of a client's certificate is its user. */
export function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
  one: OneRequest | undefined,
  clientName: ListenerTls['clientName'],
): HttpRequest {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return {
    method: request.method ?? '',
    path: query < 0 ? url : url.slice(0, query),
    query: query < 0 ? '' : url.slice(query + 1),
    host: request.headers.host ?? '',
    headers: allHeaders(request.rawHeaders),
    remote: request.socket.remoteAddress ?? '',
    isSecure: (request.socket as TLSSocket).encrypted === true,
    certifiedUser: certifiedUserOf(request.socket, clientName),
    takeBody: (reader) => {
      one?.letBodyIn(request);
      return new WsBody(request, response, reader);
    },
  };
}

/** Each that was sent: of some Node keeps the first only, and nobody would see that there are two. */
function allHeaders(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}

class WsBody implements HttpBodyFlow {
  readonly #request: IncomingMessage;
  readonly #idle: NodeJS.Timeout;
  #isPaused = false;

  constructor(request: IncomingMessage, response: ServerResponse, reader: HttpBodyReader) {
    this.#request = request;
    const idle = setTimeout(() => {
      if (!this.#isPaused) {
        request.socket.destroy();
      }
    }, HTTP_BODY_IDLE_MS);
    idle.unref();
    this.#idle = idle;
    request.on('data', (chunk: Buffer) => {
      idle.refresh();
      reader.onChunk(chunk);
    });
    request.on('end', () => {
      clearTimeout(idle);
      reader.onEnd();
    });
    // The response tells of the end of the connection, too.
    request.on('error', () => {});
    response.on('close', () => {
      clearTimeout(idle);
      if (!response.writableFinished) {
        reader.onGone();
      }
    });
  }

  pause(): void {
    this.#isPaused = true;
    this.#request.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#request.complete) {
      this.#idle.refresh();
    }
    this.#request.resume();
  }
}

/** The answer is given, and the connection ends with it. */
export function giveAnswer(response: ServerResponse, answer: HttpAnswer): void {
  const head = { ...headersOf(answer), Connection: 'close' };
  const { body } = answer;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    cutLater(response);
    const isHead = response.req.method === 'HEAD';
    response.writeHead(
      answer.status,
      answer.status === 204 || isHead ? head : { ...head, 'Content-Length': Buffer.byteLength(body) },
    );
    response.end(body);
    return;
  }
  response.writeHead(answer.status, head);
  response.flushHeaders();
  body.begin(new WsSink(response, body));
}

/** Who does not read his answer holds no place for ever. */
function cutLater(response: ServerResponse): void {
  const { socket } = response.req;
  const timer = setTimeout(() => socket.destroy(), HTTP_ANSWER_TIMEOUT_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

class WsSink implements HttpSink {
  readonly #response: ServerResponse;
  #stalled: NodeJS.Timeout | null = null;

  constructor(response: ServerResponse, stream: HttpStream) {
    this.#response = response;
    response.on('drain', () => {
      this.#calm();
      stream.onDrain();
    });
    response.on('close', () => this.#calm());
  }

  write(bytes: Uint8Array): boolean {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) {
      return true;
    }
    const isTaken = response.write(bytes);
    if (!isTaken && this.#stalled === null) {
      this.#stalled = setTimeout(() => this.cut(), HTTP_ANSWER_TIMEOUT_MS);
      this.#stalled.unref();
    }
    return isTaken;
  }

  end(): void {
    if (!this.#response.writableEnded) {
      cutLater(this.#response);
      this.#response.end();
    }
  }

  cut(): void {
    this.#response.req.socket.destroy();
  }

  #calm(): void {
    if (this.#stalled !== null) {
      clearTimeout(this.#stalled);
      this.#stalled = null;
    }
  }
}
