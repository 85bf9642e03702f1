/**
 * The topic that has each entry of the audit as a message, so that it can be subscribed to as any other. It is made when
 * somebody wants it, with what is kept by then; from then on it has what comes, in its order. Only the broker
 * puts anything into it.
 */
import { BatchBuilder } from '../../native-free/batch/batch-builder.js';
import type { OutgoingMessage } from '../../native-free/batch/outgoing-message.js';
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import { AUDIT_TOPIC, type AuditEntry, FRAME_HEADER_BYTES } from '../../native-free/wire/index.js';
import { APPEND, type AppendSink, type TopicEntry } from '../engine-thread.js';
import type { AuditState } from '../meta/audit-state.js';

/** The same on all sets of a cluster, so that it is one topic. */
export const AUDIT_TOPIC_PARAMS = {
  topic: AUDIT_TOPIC,
  queues: 1,
  memory: false,
  createdTime: 1,
  ifNotExists: true,
} as const;
const BATCH_BYTES = 64 * 1024;
/** Between two tries, while the log takes nothing. */
const AGAIN_MS = 1_000;
const NOBODY = { idLow: 0, idHigh: 0, epoch: 0 };

export interface AuditTopicDeps {
  readonly state: AuditState;
  /** null: there is none. */
  topic(): TopicEntry | null;
  create(): Promise<unknown>;
  append(sink: AppendSink, id: number, bytes: Uint8Array, topic: TopicEntry): number;
  isFollower(): boolean;
}

export class AuditTopic implements AppendSink {
  readonly hasTravelled = false;
  readonly #deps: AuditTopicDeps;
  /** Up to this entry all are in the topic, or were before this opening. */
  #published: number;
  #making: Promise<void> | null = null;
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: AuditTopicDeps) {
    this.#deps = deps;
    this.#published = deps.state.last;
  }

  /** Makes it where it is missing. @throws RingMQError NOT_MASTER, DISK_FULL, DISK_FAILED, TOO_MANY_QUEUES */
  ensure(): Promise<void> {
    if (this.#making === null && (this.#deps.topic() !== null || this.#deps.isFollower())) {
      return Promise.resolve();
    }
    this.#making ??= this.#make();
    return this.#making;
  }

  async #make(): Promise<void> {
    try {
      await this.#deps.create();
      this.#published = 0;
    } finally {
      this.#making = null;
    }
    this.publish();
  }

  /** Puts into it what the log has and it has not, as far as there is room; the rest a moment later. */
  publish(): void {
    const topic = this.#deps.topic();
    if (this.#isClosed || topic === null || this.#making !== null) {
      // Whoever makes it begins with what is kept.
      return;
    }
    const entries = this.#deps.state.from(this.#published + 1);
    for (let next = entries.next(); next.done !== true; ) {
      const builder = new BatchBuilder(BATCH_BYTES);
      let last = this.#published;
      while (next.done !== true && builder.append(messageOf(next.value), next.value.time)) {
        last = next.value.number;
        next = entries.next();
      }
      builder.seal();
      builder.address({ topicId: topic.topicId, queueId: 0, attributes: 0 }, NOBODY, 0);
      const batch = builder.frame(0).subarray(FRAME_HEADER_BYTES);
      if (this.#deps.append(this, 0, batch, topic) !== APPEND.ok) {
        this.#later();
        return;
      }
      this.#published = last;
    }
  }

  /** From the engine: what was appended is in the log. */
  onAppended(): void {}

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
  }

  #later(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.publish(), AGAIN_MS);
    this.#again.unref();
  }
}

function messageOf(entry: AuditEntry): OutgoingMessage {
  const { method, user } = entry;
  return { topic: AUDIT_TOPIC, body: JSON.stringify(entry), tag: method, keys: user === '' ? [] : [user] };
}
