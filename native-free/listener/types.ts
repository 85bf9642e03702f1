/**
 * What the broker asks of a WebSocket listener. Two stand behind it, with the same behaviour and one test
 * suite: `uws-listener.ts` (native) and `ws-listener.ts` (plain JavaScript).
 */
import type { ConnectionCount } from './connection-count.js';

/**
 * One connection, as the session sees it. All calls are made on the listener's own thread; after the close
 * they do nothing.
 */
export interface Socket {
  /** The peer's address, for logs. */
  readonly remote: string;
  /** Whom the peer's client certificate is of, where the listener asks for one. Absent or null: it has shown none. */
  readonly certifiedUser?: string | null;
  /** Bytes handed to `send` that the kernel has not taken yet. `onDrain` is called as they go. */
  readonly bufferedBytes: number;
  /**
   * Sends one binary message. What the kernel does not take at once is copied, so the caller may reuse the
   * bytes when it returns. Never drops.
   */
  send(frame: Uint8Array): void;
  /** Runs `fn` with its sends gathered into as few system calls as possible. */
  cork(fn: () => void): void;
  /**
   * Sends what is buffered, then a close frame. `reason`: at most 123 bytes. `onClose` follows, perhaps
   * before this returns.
   */
  close(code: number, reason: string): void;
  /**
   * Ends the connection at once: what the kernel has not taken is dropped, what came of an unended message is
   * freed. `onClose` follows, perhaps before this returns.
   */
  cut(): void;
}

/** What a connection tells the session. */
export interface SocketHandler {
  /** A binary message; the bytes are valid during the call only. */
  onFrame(bytes: Uint8Array): void;
  /** A text message arrived, which this protocol has no use for. Its content is not shown. */
  onText(): void;
  /** Buffered bytes have left; see `bufferedBytes` for how many are still there. */
  onDrain(): void;
  /**
   * The peer does more than it may of what a handler is not shown: WebSocket pings and pongs, or bytes of
   * messages that do not end. The handler says so to whom it wants, and is expected to end the connection.
   */
  onExcess(what: string): void;
  /** Bytes that may have come of a message before it ends, where the listener can see them (`ws`). */
  readonly maxPartialBytes: number;
  /** Called once, whoever closed, and the last call. */
  onClose(): void;
}

/** The HTTP request a connection began with. */
export interface UpgradeRequest {
  readonly remote: string;
  /** null: not sent by a web page. */
  readonly origin: string | null;
  readonly userAgent: string;
  /** The subprotocol that was agreed on, one of {@link ListenerOptions.subprotocols}. */
  readonly protocol: string;
}

/** Why an upgrade is refused, where the client shall hear of it by its code. */
export interface RefusedUpgrade {
  readonly code: 'ORIGIN_REFUSED' | 'TOO_MANY_CONNECTIONS';
  readonly message: string;
}

/** Answer of `accept` for a connection that is closed again at once. */
export interface Refusal {
  readonly closeCode: number;
  readonly reason: string;
}

/** What a message may have beyond the limit and still be refused politely. */
export const OVERSIZE_BYTES = 64 * 1024;

/** A plain HTTP request on the listener's port, which is no upgrade. */
export interface HttpRequest {
  /** In capitals. */
  readonly method: string;
  /** As it was sent, nothing decoded, without the query. */
  readonly path: string;
  /** Behind the `?`; empty without one. */
  readonly query: string;
  readonly host: string;
  /** By names in lower case; several of one name have commas between them. Of a head that `uws` takes (4 KiB) or `ws` does (16 KiB). */
  readonly headers: Readonly<Record<string, string>>;
  /** The peer's address. */
  readonly remote: string;
  /** It came over TLS. */
  readonly isSecure: boolean;
  /** Whom the peer's client certificate is of, where the listener asks for one (`ws`); null: it has shown none. */
  readonly certifiedUser: string | null;
  /**
   * Takes what follows the head. To be called before `answer` returns or first awaits, and once; a body that
   * nobody takes is not read.
   */
  takeBody(reader: HttpBodyReader): HttpBodyFlow;
}

/** Who takes the body of a request. */
export interface HttpBodyReader {
  /** The bytes are valid during the call only. After `pause` a little more may come: what was read already. */
  onChunk(bytes: Uint8Array): void;
  /** That was all of it; also of a request without a body. */
  onEnd(): void;
  /** The connection went before the answer was given whole. Called at most once, and the last call. */
  onGone(): void;
}

/** How a body is paced: who does not pause it is given it as fast as it comes. */
export interface HttpBodyFlow {
  pause(): void;
  resume(): void;
}

/** An answer that is given piece by piece, as fast as the peer takes it. */
export interface HttpStream {
  /** The head is given: pieces may follow. Called once. */
  begin(sink: HttpSink): void;
  /** All that was written so far has been taken. */
  onDrain(): void;
}

/** Where its pieces go. After the end, and once the connection has gone, calls do nothing. */
export interface HttpSink {
  /**
   * `bytes` belong to the sink from then on. False: they wait, and `onDrain` will follow; what is written
   * before that is kept in memory. A peer that takes none of it for {@link HTTP_ANSWER_TIMEOUT_MS} is cut off.
   */
  write(bytes: Uint8Array): boolean;
  end(): void;
  /** Ends the connection, so that the peer sees that something is missing. */
  cut(): void;
}

/** An HTTP answer instead of a WebSocket. `body` begins with an error code where there is one. */
export interface HttpAnswer {
  readonly status: number;
  /** Large ones as bytes: they are sent from there to however many, and not copied. */
  readonly body: string | Uint8Array | HttpStream;
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string;
  /** Where the client speaks the protocol and can be told by it. */
  readonly refused?: RefusedUpgrade;
  /** Besides those of every answer, in place of one that has the same name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer to plain HTTP must have been read so long after it was given; then the connection is cut off. */
export const HTTP_ANSWER_TIMEOUT_MS = 10_000;
/** Of a body that is taken, something must come each so long while it is not paused. */
export const HTTP_BODY_IDLE_MS = 60_000;

/** Files in PEM. They are read again when they change. */
export interface ListenerTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities whose certificates say who a client is. `ws` only. Default: clients are not asked for any. */
  readonly clientCaFile?: string | undefined;
  /** Default `optional`. */
  readonly clientCert?: 'optional' | 'required' | undefined;
  /** What of a client's certificate is its user: the common name, or the one DNS name. Default `cn`. */
  readonly clientName?: 'cn' | 'dns' | undefined;
}

export interface ListenerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /**
   * The port is already held by another listener of this process, on another thread, and is to be shared with
   * it: only then is a taken port no error. Native listener only.
   */
  readonly joinPort?: boolean;
  /** PEM files. With it the listener speaks `wss:` only. */
  readonly tls?: ListenerTls;
  /**
   * Largest message a session will take; 64 KiB more are handed on so that it can refuse politely, beyond
   * that the connection is cut.
   */
  readonly maxFrameBytes: number;
  /**
   * Web origins let in besides the listener's own, as browsers send them: `https://host[:port]` in lower
   * case; `*` = any.
   */
  readonly allowedOrigins: readonly string[];
  /** What is spoken here, as WebSocket subprotocols: a client must ask for one of them. Default: `ringmq.v1` alone. */
  readonly subprotocols?: readonly string[] | undefined;
  /** More are refused, with HTTP 503 or {@link refusalFrame}. */
  readonly maxConnections: number;
  /** Shared with the other threads of the port. Default: one of its own. */
  readonly connectionCount?: ConnectionCount;
  /**
   * Bytes of messages that have not ended, all connections together: beyond it the connection that has most
   * is cut. Only `ws` sees them.
   */
  readonly maxPartialBytes: number;
  /** A message must have ended so long after it began. Only `ws` sees that. */
  readonly messageTimeoutMs: number;
  /** A peer that shows no sign of life (pings are sent) for this long is cut off. 0 = never; else 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /**
   * The protocol's own way to say no. A client that asks for the protocol gets it over a WebSocket that is
   * closed at once, because neither a browser nor `ws` shows what an HTTP answer says. Without this, and when
   * many refused ones have not gone yet, it is an HTTP answer.
   */
  refusalFrame?(refused: RefusedUpgrade): Uint8Array;
  /** Called for each refusal that has a code. */
  onRefused?(refused: RefusedUpgrade): void;
  /** Told what is wrong and goes on: no descriptors are left, a renewed certificate cannot be used. */
  onWarning?(message: string): void;
  /** How often the TLS files are looked at. Default 10 s. */
  readonly certificateLookMs?: number | undefined;
  /** What plain HTTP requests get; a request that is aborted meanwhile gets nothing. Must not reject. */
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
  /** Called for each connection once it stands. */
  accept(socket: Socket, request: UpgradeRequest): SocketHandler | Refusal;
}

export type ListenerKind = 'uws' | 'ws';

export interface Listener {
  readonly kind: ListenerKind;
  /** The one really listened on. */
  readonly port: number;
  readonly connections: number;
  /** Looks at the TLS files now, also where they look as they did. */
  renewCertificates(): void;
  /** Stops listening and cuts every connection; sessions that want to say something do so before. */
  close(): Promise<void>;
}

/** Throws PORT_IN_USE when the port is taken and BAD_CONFIG for a host, certificate or option that cannot be used. */
export type StartListener = (options: ListenerOptions) => Promise<Listener>;

export function isRefusal(answer: SocketHandler | Refusal): answer is Refusal {
  return 'closeCode' in answer;
}
