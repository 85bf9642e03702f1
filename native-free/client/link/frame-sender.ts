/** What a link's line and the producers on it know of each other. */
import type { RingMQError } from '../../wire/index.js';
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
  /** The line's own: the last round of acks that had one for it. */
  ackRound: number;
  /** Send what may be sent. */
  pump(): void;
  onAck(batch: SendBatch, entry: AckEntry): void;
  /** After all entries of an ack frame with one for it. */
  onAcksEnd(): void;
  /** A link stands; it may be to another opening, or to another broker: see `SendLine.origin`. */
  onConnected(): void;
  onLost(): void;
  /** The connection will not come back. */
  onFailed(error: RingMQError): void;
  /** The connection ended over this batch, and nothing else was under way: it must not be sent again. */
  onBlamed(batch: SendBatch, error: RingMQError): void;
  onTopicChanged(topic: string): void;
}

/** An opening of a broker. */
export interface Origin {
  readonly brokerId: string;
  readonly opening: string;
}

/** A batch under way. */
export interface Sent {
  batch: SendBatch;
  sender: FrameSender;
}
