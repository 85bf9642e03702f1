/** What happened in a chaos run, as the programs at its edges saw it: nothing is taken from the brokers' own word. */

/** A queue as the whole cluster names it. */
export interface QueueName {
  set: string;
  queueId: number;
}

/** A message that a producer handed over. Its id is its body, so whoever reads it knows which it is. */
export interface Attempt {
  id: string;
  producer: string;
  /** Its sharding key; null: it has no order. */
  key: string | null;
  /** Running number within producer and key. */
  number: number;
}

/** Where a message lies, as a receipt, a delivery or a read says. */
export interface Sighting extends QueueName {
  id: string;
  offset: number;
  /** Who saw it: `producer 1`, `consumer 2`, `scan of a-slave`. */
  by: string;
  /** Of a receipt: the master that acked it, and its term, where the receipt says. */
  master?: { name: string; epoch: number };
}

/** A committed offset as it was read. */
export interface CommitSeen extends QueueName {
  group: string;
  offset: number;
}

export class History {
  readonly attempts = new Map<string, Attempt>();
  readonly receipts: Sighting[] = [];
  /** Definitely refused: the caller was told so. Whether it was stored nobody promises. */
  readonly failed = new Set<string>();
  readonly deliveries: Sighting[] = [];
  /** Full reads of each queue from its first offset, after all was healed, in order. */
  readonly scans: Sighting[] = [];
  readonly commits: CommitSeen[] = [];
  /** Digests of the same stretch of the same log on different nodes. */
  readonly logs: { set: string; node: string; from: number; to: number; digest: string }[] = [];

  attempted(attempt: Attempt): void {
    if (this.attempts.has(attempt.id)) {
      throw new Error(`${attempt.id} was attempted twice`);
    }
    this.attempts.set(attempt.id, attempt);
  }
}
