/** The producers of a connection and what they have under way on its present link: batch numbers, credit, acks. */
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  FRAME_HEADER_BYTES,
  frameValue,
  type RingMQError,
  readUint16,
  readUint32,
  readUint64,
} from '../../wire/index.js';
import type { SendBatch } from '../produce/send-batch.js';

/** What came back for a batch. One object, filled for each entry. */
export class AckEntry {
  status = 0;
  durability = 0;
  flags = 0;
  baseOffset = 0;
  position = 0;
}

/** A producer, as the connection sees it. */
export interface FrameSender {
  /** Send what may be sent. */
  pump(): void;
  onAck(batch: SendBatch, entry: AckEntry): void;
  /** After all entries of an ack frame. */
  onAcksEnd(): void;
  /** A link stands; it may be another broker's run, with other topics. */
  onConnected(): void;
  onLost(): void;
  /** The connection will not come back. */
  onFailed(error: RingMQError): void;
  /** The connection ended twice in a row over what was sent: what is under way must not be sent a third time. */
  onPoisoned(error: RingMQError): void;
  onTopicChanged(topic: string): void;
}

interface Sent {
  batch: SendBatch;
  sender: FrameSender;
}

export class ProduceLane {
  readonly #send: (frame: Uint8Array) => void;
  readonly #senders: FrameSender[] = [];
  readonly #inFlight = new Map<number, Sent>();
  readonly #entry = new AckEntry();
  #isOpen = false;
  #nextBatchId = 1;
  /** Running totals of this link: bytes of produce frames sent, and allowed. */
  #sentBytes = 0;
  #creditBytes = 0;
  #turn = 0;
  /**
   * Who was refused for want of credit. Nobody else sends until it has, or small frames of others would keep the credit too
   * low for a large one for ever. Only while batches are under way: their acks bring the next {@link pump}.
   */
  #waiting: FrameSender | null = null;
  #isRefused = false;

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Producers. A copy: they come and go while they are told things. */
  senders(): FrameSender[] {
    return [...this.#senders];
  }

  add(sender: FrameSender): void {
    this.#senders.push(sender);
  }

  remove(sender: FrameSender): void {
    const at = this.#senders.indexOf(sender);
    if (at >= 0) {
      this.#senders.splice(at, 1);
    }
    if (this.#waiting === sender) {
      this.#waiting = null;
    }
  }

  /** A new link stands, with its first credit. */
  open(creditBytes: number): void {
    this.#isOpen = true;
    this.#creditBytes = creditBytes;
    this.#sentBytes = 0;
    this.#nextBatchId = 1;
  }

  /** The link is gone; what was under way is for the producers to send again. */
  shut(): void {
    this.#isOpen = false;
    this.#waiting = null;
    this.#inFlight.clear();
  }

  /**
   * May a produce frame of so many bytes go now? Credit holds, but for one frame when nothing is under way. A sender that
   * is refused for want of credit is the next to send.
   */
  maySend(bytes: number, sender: FrameSender): boolean {
    if (!this.#isOpen || (this.#waiting !== null && this.#waiting !== sender)) {
      return false;
    }
    if (this.#sentBytes + bytes <= this.#creditBytes || this.#inFlight.size === 0) {
      return true;
    }
    this.#waiting = sender;
    this.#isRefused = true;
    return false;
  }

  send(batch: SendBatch, sender: FrameSender): void {
    const id = this.#nextBatchId;
    this.#nextBatchId = (id + 1) >>> 0;
    const frame = batch.builder.frame(id);
    this.#sentBytes += frame.length;
    this.#inFlight.set(id, { batch, sender });
    // Before the frame goes: on a link of function calls its ack may come within the call.
    if (this.#waiting !== null) {
      this.#passOn(sender);
    }
    this.#send(frame);
  }

  /** A new limit; limits only grow. */
  onCredit(limit: number): void {
    if (limit > this.#creditBytes) {
      this.#creditBytes = limit;
    }
  }

  onAck(frame: Uint8Array): void {
    this.onCredit(frameValue(frame));
    const entry = this.#entry;
    for (let at = FRAME_HEADER_BYTES; at + ACK_ENTRY_BYTES <= frame.length; at += ACK_ENTRY_BYTES) {
      const id = readUint32(frame, at + ACK_ENTRY.id);
      const sent = this.#inFlight.get(id);
      if (sent === undefined) {
        continue;
      }
      this.#inFlight.delete(id);
      entry.status = readUint16(frame, at + ACK_ENTRY.status);
      entry.durability = frame[at + ACK_ENTRY.durability] as number;
      entry.flags = frame[at + ACK_ENTRY.flags] as number;
      entry.baseOffset = readUint64(frame, at + ACK_ENTRY.baseOffset);
      entry.position = readUint64(frame, at + ACK_ENTRY.position);
      sent.sender.onAck(sent.batch, entry);
    }
    this.pump();
    for (const sender of this.senders()) {
      sender.onAcksEnd();
    }
  }

  /** Lets each producer send, another one first each time, so that none lives on what others leave. */
  pump(): void {
    const count = this.#senders.length;
    if (count > 1) {
      this.#turn = (this.#turn + 1) % count;
    }
    if (this.#waiting !== null && !this.#pumpInTurn()) {
      return;
    }
    for (let i = 0; i < count; i++) {
      this.#senders[(this.#turn + i) % count]?.pump();
    }
  }

  /** While credit is short each sends one frame, then the next. False: it is still short. True: nobody waits. */
  #pumpInTurn(): boolean {
    let idle = 0;
    for (let sender = this.#waiting; sender !== null; sender = this.#waiting) {
      this.#isRefused = false;
      sender.pump();
      if (this.#isRefused) {
        return false;
      }
      if (this.#waiting !== sender) {
        idle = 0;
      } else if (++idle < this.#senders.length) {
        this.#passOn(sender);
      } else {
        this.#waiting = null;
      }
    }
    return true;
  }

  #passOn(sender: FrameSender): void {
    const count = this.#senders.length;
    this.#waiting = count < 2 ? null : (this.#senders[(this.#senders.indexOf(sender) + 1) % count] ?? null);
  }
}
