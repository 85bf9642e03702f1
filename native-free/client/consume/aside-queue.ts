/**
 * One queue of a member, read at a slave while the member keeps it at the master: old messages, which the master has no more in memory. A reader in
 * no group does the reading; what it gets goes into the member's inbox as if the master had sent it. The queue's owner, its commits and its
 * generation are the master's all the time, so that nobody else reads it and no offset goes back.
 *
 *     the master says where recent messages begin ─▶ its deliveries are stopped ─▶ the reader goes on where the member is
 *     recent messages, or any trouble ─▶ the reader is closed ─▶ the master delivers from behind what has come
 */
import { clearTimeout, setTimeout } from '../../time/index.js';
import {
  BATCH,
  BATCH_TYPE,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  RingMQError,
  readUint32,
  readUint64,
} from '../../wire/index.js';
import type { Connection } from '../link/connection.js';
import type { FrameReceiver } from '../link/frame-receiver.js';
import { batchEnd, type Inbox } from './inbox.js';
import { grantsOf } from './member-events.js';

/**
 * A slave that has sent nothing by so many looks in a row, though it may, has nothing, or is gone. A thread that was held for long
 * looks once, and then reads what has come meanwhile.
 */
const SILENT_LOOKS = 4;
const LOOK_MS = 500;

export interface AsideQueueOptions {
  readonly topic: string;
  readonly topicId: number;
  readonly queueId: number;
  readonly filter: string;
  /** Where the member is. */
  readonly offset: number;
  /** Recent messages begin here. */
  readonly until: number;
  readonly windowBytes: number;
  readonly inbox: Inbox;
  /** The inbox has something. */
  onChange(): void;
  /** Once, unless it was closed: all below `next` has come. `isTrouble`: the slave could not give it all. */
  onEnd(next: number, isTrouble: boolean): void;
}

export class AsideQueue implements FrameReceiver {
  readonly #connection: Connection;
  readonly #options: AsideQueueOptions;
  readonly #id: number;
  #next: number;
  #hasBegun = false;
  #isClosed = false;
  /** Here, and not done with; and what is done with, in all. */
  #heldBytes = 0;
  #doneBytes = 0;
  #granted = 0;
  #nextLook: ReturnType<typeof setTimeout> | undefined;
  #silentLooks = 0;

  constructor(connection: Connection, options: AsideQueueOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#next = options.offset;
    this.#id = connection.receivers.add(this);
    this.#listen();
    if (connection.failure !== null) {
      this.#endSoon();
    } else if (connection.isOpen) {
      this.onConnected();
    }
  }

  onConnected(): void {
    if (this.#hasBegun || this.#isClosed) {
      this.#end(true);
      return;
    }
    const { topic, topicId, queueId, filter, offset } = this.#options;
    const queues = [{ queueId, generation: 0, offset }];
    this.#connection.requests
      .call(
        'join',
        {
          ...{ consumer: this.#id, group: null, topic, filter, from: { offset }, memberId: null },
          ...{ queueIds: [queueId], positions: { topicId, queues }, onDamage: 'tell' },
        },
        { onlyNow: true },
      )
      .then(
        (joined) => {
          if (joined.topic.topicId !== topicId) {
            this.#end(true);
          }
        },
        () => this.#end(true),
      );
  }

  onEvent(event: Record<string, unknown>): void {
    if (event['event'] !== 'assign' || this.#hasBegun) {
      // Messages that it has no more, or cannot read: the master may have them.
      this.#end(true);
      return;
    }
    const grant = grantsOf(event).find(({ queueId }) => queueId === this.#options.queueId);
    if (grant?.offset !== this.#options.offset) {
      this.#end(true);
    } else if (!this.#isClosed) {
      this.#hasBegun = true;
      this.#grant();
    }
  }

  onDeliver(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void {
    if (this.#isClosed || !this.#hasBegun) {
      return;
    }
    const { length } = frame;
    const { queueId, windowBytes, inbox } = this.#options;
    try {
      if (this.#heldBytes + length > windowBytes + MAX_FRAME_BYTES) {
        throw new RingMQError('CREDIT_EXCEEDED');
      }
      const next = behind(frame, queueId, this.#next);
      this.#heldBytes += length;
      inbox.addAside(frame, release, this.#onDone);
      this.#next = next;
    } catch {
      this.#end(true);
      return;
    }
    this.#moved();
  }

  onSkip(queueId: number, offset: number): void {
    if (!this.#isClosed && this.#hasBegun && queueId === this.#options.queueId && offset > this.#next) {
      this.#options.inbox.addSkip(queueId, offset);
      this.#next = offset;
      this.#moved();
    }
  }

  onLost(): void {
    this.#end(true);
  }

  onFailed(): void {
    this.#end(true);
  }

  /** The member reads it there no more, for reasons of its own. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    clearTimeout(this.#nextLook);
    this.#connection.requests.call('leave', { consumer: this.#id }, { onlyNow: true }).catch(() => {
      // The link is gone, and the reader with it.
    });
    this.#connection.receivers.remove(this.#id);
  }

  readonly #onDone = (bytes: number): void => {
    this.#heldBytes -= bytes;
    this.#doneBytes += bytes;
    this.#grant();
  };

  #moved(): void {
    this.#listen();
    this.#options.onChange();
    if (this.#next >= this.#options.until) {
      this.#end(false);
    }
  }

  #grant(): void {
    const total = this.#doneBytes + this.#options.windowBytes;
    if (!this.#isClosed && (this.#granted === 0 || total - this.#granted >= this.#options.windowBytes / 4)) {
      this.#granted = total;
      this.#connection.sendCredit(this.#id, total);
      this.#listen();
    }
  }

  #listen(): void {
    this.#silentLooks = 0;
    this.#lookSoon();
  }

  #lookSoon(): void {
    clearTimeout(this.#nextLook);
    this.#nextLook = setTimeout(() => {
      // With its window full it is not the slave that is slow.
      this.#silentLooks = this.#heldBytes > 0 ? 0 : this.#silentLooks + 1;
      if (this.#silentLooks < SILENT_LOOKS) {
        this.#lookSoon();
      } else {
        this.#end(true);
      }
    }, LOOK_MS);
  }

  #endSoon(): void {
    queueMicrotask(() => this.#end(true));
  }

  #end(isTrouble: boolean): void {
    if (!this.#isClosed) {
      this.close();
      this.#options.onEnd(this.#next, isTrouble);
    }
  }
}

/** The offset behind the last batch of the queue in the frame. Throws `BAD_BATCH`. */
function behind(frame: Uint8Array, queueId: number, from: number): number {
  let next = from;
  for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
    const end = batchEnd(frame, at);
    if (frame[at + BATCH.type] !== BATCH_TYPE.pad) {
      const base = readUint64(frame, at + BATCH.baseOffset);
      const after = base + readUint32(frame, at + BATCH.recordCount);
      if (readUint32(frame, at + BATCH.queueId) !== queueId || after <= next) {
        throw new RingMQError('BAD_BATCH', 'a batch of another queue, or of what has come');
      }
      next = after;
    }
    at = end;
  }
  return next;
}
