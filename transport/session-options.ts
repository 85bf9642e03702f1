/** What sessions can be told, with the defaults in one place. All sizes in bytes, all times in milliseconds. */
import type { ListenerKind } from '../native-free/listener/types.js';
import { MAX_FRAME_BYTES } from '../native-free/wire/index.js';

export interface SessionOptions {
  /** Named in `welcome`. */
  readonly listener: ListenerKind | 'embedded';
  /** Clients have to log in, and may do what their user may. */
  readonly authenticates: boolean;
  /** By whose rules tokens are judged, as the engine was told of them; null: none are taken. */
  readonly tokenTrust: string | null;
  /** Largest frame taken; a larger one is FRAME_TOO_LARGE. */
  readonly maxFrameBytes: number;
  /** A connection that has not said hello by then is closed. */
  readonly handshakeTimeoutMs: number;
  /** What a connection may have sent beyond what was taken into the ring, while there are few connections. */
  readonly produceWindowBytes: number;
  /** The least it is shrunk to when there are many. */
  readonly minProduceWindowBytes: number;
  /** Shared by the connections of one thread: each gets its part of it as window. */
  readonly produceBudgetBytes: number;
  /** Delivery to a connection pauses while the kernel has not taken this much. */
  readonly maxBufferedBytes: number;
  /**
   * A connection that is owed this much more than that in acks and answers reads nothing: it is closed.
   */
  readonly maxUnreadBytes: number;
  /** The same for all connections of the thread together: past it, the one that leaves most unread is cut off. */
  readonly maxUnreadBytesInAll: number;
  /**
   * A message has ended so long after it began, or its connection is cut off. On a listener that cannot see
   * one before it ends, a connection that was silent for half of it is asked by a `ping`, and has this long
   * to answer.
   */
  readonly messageTimeoutMs: number;
  /** Deliver frames are filled up to this; a single larger batch is a frame of its own. */
  readonly deliverFrameBytes: number;
  /** Delivered in one turn of the event loop, all connections of the thread together. */
  readonly deliverTurnBytes: number;
  /** Payload bytes of requests that wait for their answer, for one connection; more are TOO_MANY_REQUESTS. */
  readonly maxRequestBytes: number;
  /**
   * Which of `count` newly assigned queues is read first, from 0. By chance, so that a consumer that dies of
   * one queue's messages comes to the others when it starts again.
   */
  readonly pickFirst: (count: number) => number;
  /** The same for all connections of the thread together. */
  readonly maxRequestBytesInAll: number;
  /**
   * Pings, pongs, credit and refused requests of one connection, a second, and a quarter of it at once; a
   * ping and a refusal count four times. Beyond it the connection is closed with TOO_MANY_REQUESTS: each
   * costs this thread something and none is of use to anybody.
   */
  readonly maxSmallFramesPerSecond: number;
  /** Connections of one address, counted by each thread. 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** New connections of one address, a second. 0: no limit. */
  readonly maxHandshakesPerAddress: number;
  /** Memory of the table of addresses that all threads of the listener share; null: there is one thread. */
  readonly addressTable: SharedArrayBuffer | null;
  /** Bytes of messages a second that the connections of a user send together, and as many that they are sent. 0: no limit. */
  readonly userBytesPerSecond: number;
  /** The same for messages. */
  readonly userMessagesPerSecond: number;
  /** Told of what should not happen, for the log. */
  readonly onDefect: (message: string, error: unknown) => void;
}

export const SESSION_DEFAULTS: SessionOptions = {
  listener: 'ws',
  authenticates: false,
  tokenTrust: null,
  maxFrameBytes: MAX_FRAME_BYTES,
  handshakeTimeoutMs: 5_000,
  produceWindowBytes: 4 * 1024 * 1024,
  minProduceWindowBytes: 256 * 1024,
  produceBudgetBytes: 256 * 1024 * 1024,
  maxBufferedBytes: 1024 * 1024,
  maxUnreadBytes: 16 * 1024 * 1024,
  maxUnreadBytesInAll: 1024 * 1024 * 1024,
  messageTimeoutMs: 60_000,
  deliverFrameBytes: 256 * 1024,
  deliverTurnBytes: 1024 * 1024,
  maxRequestBytes: 16 * 1024 * 1024,
  pickFirst: (count) => Math.floor(Math.random() * count),
  maxRequestBytesInAll: 256 * 1024 * 1024,
  maxSmallFramesPerSecond: 16_384,
  maxConnectionsPerAddress: 0,
  maxHandshakesPerAddress: 0,
  addressTable: null,
  userBytesPerSecond: 0,
  userMessagesPerSecond: 0,
  onDefect: () => {},
};
