/** What a listener thread is given, and what it and the thread that started it say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { BrokerHandle } from '../engine/handle.js';
import type { ResolvedListenOptions } from './listen-options.js';

/** `workerData` of a listener thread. */
export interface ListenerWorkerData {
  /** One word of {@link SOCKETS}: closed whenever this thread may end. */
  state: SharedArrayBuffer;
}

/** What a listener thread serves: the first thing it is told. */
export interface ListenerWork {
  handle: BrokerHandle;
  options: ResolvedListenOptions;
  kind: 'uws' | 'ws';
  /** The thread's: `ringmq-listener-1`. */
  name: string;
  port: number;
  /** Of the listener threads, from 0. */
  index: number;
  /** Memory of the count of connections that all of them share. */
  connectionCounts: SharedArrayBuffer;
  /** Of the table of addresses; null: there are no limits for them. */
  addressTable: SharedArrayBuffer | null;
  /** Another thread of this broker listens on the port already. */
  joinPort: boolean;
  /** To the thread that answers the API. Moves to the listener's. */
  api: MessagePort;
}

/** What it tells the thread that started it. */
export type ListenerWorkerMessage =
  | { type: 'listening'; port: number }
  | { type: 'failed'; code: string; message: string };

/** The word: a socket may be open, or none is any more. */
export const SOCKETS = { open: 1, closed: 0 } as const;

/** Said to a listener thread that has its work. `stop` drains first; `end` closes the sockets at once; `renew` looks at the TLS files. */
export type ListenerOrder = 'stop' | 'end' | 'renew';
