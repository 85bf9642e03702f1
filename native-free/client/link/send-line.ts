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
import { ProducerIds } from '../produce/producer-ids.js';
import { BatchPool, type SendBatch } from '../produce/send-batch.js';
import { WeakBag } from '../weak-bag.js';
import { AckEntry, type FrameSender, type Origin, type Sent } from './frame-sender.js';
import { SentBatches } from './sent-batches.js';

export class SendLine {
  readonly ids = new ProducerIds();
  readonly buffers = new BatchPool();
  readonly #send: (frame: Uint8Array) => void;
  /** May anything more be under way now? */
  readonly #gate: () => boolean;
  /** Everyone. Those without work are held by their users alone, so that one that is forgotten goes. */
  readonly #members = new WeakBag<FrameSender>();
  /** Those with batches that are not settled. */
  readonly #busy = new Set<FrameSender>();
  readonly #inFlight = new SentBatches();
  readonly #entry = new AckEntry();
  /** Those an ack frame has entries for, each once: they are marked with the round. */
  #acked: FrameSender[] = [];
  #ackRound = 1;
  /** Which opening of which broker the link is to: topics' numbers mean something within one alone. */
  origin: Origin = { brokerId: '', opening: '' };
  /** Why there is no link, while there is none. */
  trouble: RingMQError | null = null;
  #isOpen = false;
  #nextBatchId = 1;
  /** Running totals of this link: bytes of produce frames sent, and allowed. */
  #sentBytes = 0;
  #creditBytes = 0;
  /**
   * Those that were refused for want of credit, in turn: the first sends one frame and goes to the end, and
   * nobody else sends meanwhile, or small frames of others would keep the credit too low for a large one for
   * ever.
   */
  readonly #waiting = new Set<FrameSender>();
  /** Whose turn it is in {@link #serve}, and whether it has sent its frame. */
  #served: FrameSender | null = null;
  #hasSent = false;
  #wantsMore = false;
  #isShort = false;

  constructor(send: (frame: Uint8Array) => void, gate: () => boolean = () => true) {
    this.#send = send;
    this.#gate = gate;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Batches with the broker, on this link. */
  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Producers. A copy: they come and go while they are told things. */
  senders(): FrameSender[] {
    return this.#members.all();
  }

  /** Those with batches that are not settled. A copy. */
  busySenders(): FrameSender[] {
    return [...this.#busy];
  }

  /** Everyone is told: the new link stands. */
  onConnected(): void {
    for (const sender of this.senders()) {
      sender.onConnected();
    }
  }

  onTopicChanged(topic: string): void {
    for (const sender of this.senders()) {
      sender.onTopicChanged(topic);
    }
  }

  /** The link is gone: those with batches are told. */
  onLost(): void {
    for (const sender of this.busySenders()) {
      sender.onLost();
    }
  }

  /** There will be no other link: everyone is told. */
  onFailed(failure: RingMQError): void {
    for (const sender of this.senders()) {
      sender.onFailed(failure);
    }
  }

  add(sender: FrameSender): void {
    this.#members.add(sender);
  }

  remove(sender: FrameSender): void {
    this.#members.delete(sender);
    this.rest(sender);
  }

  /** The sender has batches to settle: it is held, and told of the link. */
  wake(sender: FrameSender): void {
    this.#busy.add(sender);
  }

  /** It has nothing to send, and so no turn. */
  leaveTurn(sender: FrameSender): void {
    if (this.#waiting.size > 0) {
      this.#waiting.delete(sender);
    }
  }

  /** It has had no batches for a while. */
  rest(sender: FrameSender): void {
    this.#busy.delete(sender);
    this.leaveTurn(sender);
  }

  /** A new link stands, with its first credit. */
  open(creditBytes: number, origin: Origin = this.origin): void {
    if (origin.brokerId !== this.origin.brokerId) {
      this.ids.forgetAll();
    }
    this.origin = origin;
    this.trouble = null;
    this.#isOpen = true;
    this.#creditBytes = creditBytes;
    this.#sentBytes = 0;
    this.#nextBatchId = 1;
  }

  /** The link is gone; what was under way is for the producers to send again. */
  shut(): void {
    this.#isOpen = false;
    this.#waiting.clear();
    this.#inFlight.clear();
  }

  /** The batch under way that has this number on this link, and whose it is. */
  inFlight(id: unknown): Sent | null {
    return typeof id === 'number' ? this.#sentAt(this.#inFlight.find(id)) : null;
  }

  /** The only batch under way, if there is one only, and whose it is. */
  onlyInFlight(): Sent | null {
    return this.#inFlight.size === 1 ? this.#sentAt(this.#inFlight.first()) : null;
  }

  #sentAt(at: number): Sent | null {
    return at < 0 ? null : { batch: this.#inFlight.batchAt(at), sender: this.#inFlight.senderAt(at) };
  }

  /**
   * May a produce frame of so many bytes go now? Credit holds, but for one frame when nothing is under way. A
   * sender that is refused for want of credit gets its turn.
   */
  maySend(bytes: number, sender: FrameSender): boolean {
    if (!this.#isOpen) {
      return false;
    }
    if (this.#served === sender) {
      if (this.#hasSent) {
        this.#wantsMore = true;
        return false;
      }
    } else if (this.#waiting.size > 0 || this.#served !== null) {
      this.#waiting.add(sender);
      return false;
    }
    if ((this.#sentBytes + bytes <= this.#creditBytes || this.#inFlight.size === 0) && this.#gate()) {
      return true;
    }
    this.#isShort = true;
    this.#waiting.add(sender);
    return false;
  }

  send(batch: SendBatch, sender: FrameSender): void {
    const id = this.#nextBatchId;
    this.#nextBatchId = (id + 1) >>> 0;
    const frame = batch.builder.frame(id);
    this.#sentBytes += frame.length;
    this.#inFlight.add(id, batch, sender);
    // Before the frame goes: on a link of function calls its ack may come within the call.
    if (this.#served === sender) {
      this.#hasSent = true;
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
      const place = this.#inFlight.find(id);
      if (place < 0) {
        continue;
      }
      const batch = this.#inFlight.batchAt(place);
      const sender = this.#inFlight.senderAt(place);
      this.#inFlight.removeAt(place);
      entry.status = readUint16(frame, at + ACK_ENTRY.status);
      entry.durability = frame[at + ACK_ENTRY.durability] as number;
      entry.flags = frame[at + ACK_ENTRY.flags] as number;
      entry.baseOffset = readUint64(frame, at + ACK_ENTRY.baseOffset);
      entry.position = readUint64(frame, at + ACK_ENTRY.position);
      if (sender.ackRound !== this.#ackRound) {
        sender.ackRound = this.#ackRound;
        this.#acked.push(sender);
      }
      sender.onAck(batch, entry);
    }
    this.#endRound();
  }

  /** All entries of a frame are told: those they were for go on. */
  #endRound(): void {
    this.#ackRound++;
    const acked = this.#acked;
    if (acked.length === 1) {
      const sender = acked.pop() as FrameSender;
      this.pump();
      sender.pump();
      sender.onAcksEnd();
      return;
    }
    this.#acked = [];
    this.pump();
    // An ack makes room in its sender's window.
    for (const sender of acked) {
      sender.pump();
    }
    for (const sender of acked) {
      sender.onAcksEnd();
    }
  }

  /** A link stands: everyone who has something sends. */
  pumpAll(): void {
    for (const sender of this.busySenders()) {
      sender.pump();
    }
  }

  /** There may be credit: those that wait for it send one frame each, in turn, until it is short again or nobody waits. */
  pump(): void {
    if (this.#served !== null) {
      return;
    }
    this.#isShort = false;
    while (!this.#isShort) {
      const [sender] = this.#waiting;
      if (sender === undefined) {
        break;
      }
      this.#served = sender;
      this.#hasSent = false;
      this.#wantsMore = false;
      sender.pump();
      this.#served = null;
      if (this.#isShort) {
        break;
      }
      this.#waiting.delete(sender);
      if (this.#wantsMore && this.#busy.has(sender)) {
        this.#waiting.add(sender);
      }
    }
  }
}
