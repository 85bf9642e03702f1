/** A client of some message system, as the load generator sees it: the same few calls whatever stands behind them. */

/** A message has come; `bodies` are valid during the call. */
export type OnBodies = (bodies: readonly Uint8Array[]) => void;

export interface LoadProducer {
  /** Resolves when the system has acked it as its durability class says. The body is the producer's until then. */
  send(body: Uint8Array): Promise<unknown>;
  /**
   * Without a promise a message: false when `ready()` is to be awaited first. Only where the system has such a form; failures are
   * told by `flush`.
   */
  write?(body: Uint8Array): boolean;
  ready?(): Promise<void>;
  /** All written so far is acked; rejects when any failed. */
  flush?(): Promise<void>;
  close(): Promise<void>;
}

export interface LoadConsumer {
  close(): Promise<void>;
}

export interface Driver {
  /** As in results: `ringmq`, `kafka`. */
  readonly system: string;
  createTopic(topic: string, queues: number): Promise<void>;
  /** On a connection of its own. */
  openProducer(topic: string): Promise<LoadProducer>;
  /** On a connection of its own, a member of `group`; resolves once all that is sent from then on will reach the group. */
  openConsumer(topic: string, group: string, onBodies: OnBodies): Promise<LoadConsumer>;
  close(): Promise<void>;
}
