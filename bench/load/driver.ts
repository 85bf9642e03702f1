/**
 * A client of some message system, as the load generator sees it: the same few calls whatever stands behind
 * them. Acks come by function calls with a number, not by promises, so that a driver makes no more of those
 * than its library does.
 */

/** What became of messages. The number is the one `send` was given. */
export interface SendSink {
  /** The system has it, as its durability class says. */
  acked(slot: number): void;
  failed(slot: number, error: unknown): void;
  /** So many written messages will never be acked. */
  failedWritten(count: number, error: unknown): void;
}

export interface LoadProducer {
  /** Sends one message. The body is not changed until the sink is told about `slot`, and a slot always comes with the same buffer. */
  send(body: Uint8Array, slot: number): void;
  /**
   * Sends without telling when it is acked; the body is copied before the call returns. False when `ready()`
   * is to be awaited first. Only where the system has such a form.
   */
  write?(body: Uint8Array): boolean;
  ready?(): Promise<void>;
  /** Messages written or sent and neither acked nor failed. Beside `write`. */
  unsettled?(): number;
  /** Sends what waits to be sent; all sent and written so far is settled when it resolves. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A message has come whole, at `receivedMs` of `clockMs()`. The body is valid during the call. */
export type OnBody = (body: Uint8Array, receivedMs: number) => void;

export interface LoadConsumer {
  close(): Promise<void>;
}

export interface LoadTopic {
  readonly name: string;
  readonly queues: number;
}

export interface Driver {
  /** As in results: `ringmq`, `kafka`. */
  readonly system: string;
  /** Of the running system, where it tells; else `unknown`. */
  readonly version: string;
  /** What its acks mean, where it tells. */
  readonly flush?: 'sync' | 'async';
  /** Its producers have `write`. */
  readonly hasWrite: boolean;
  /** Messages a producer keeps under way through `send`, unless the workload says otherwise. */
  readonly maxInFlight: number;
  /** `groups` will read it from its first message on. */
  createTopic(topic: LoadTopic, groups: readonly string[]): Promise<void>;
  /** On a connection of its own. */
  openProducer(topic: LoadTopic, sink: SendSink): Promise<LoadProducer>;
  /** On a connection of its own, a member of `group`; resolves once messages will reach it. What it was told about is acked. */
  openConsumer(topic: LoadTopic, group: string, onBody: OnBody, onError: OnError): Promise<LoadConsumer>;
  close(): Promise<void>;
}

/** Consuming has ended by itself. */
export type OnError = (error: unknown) => void;

export type OpenDriver = (url: string) => Promise<Driver>;
