import type { ErrorCode, RingMQError } from '../../wire/index.js';
import type { AckEntry } from '../link/frame-sender.js';
import type { SendBatch } from './send-batch.js';

/** Who is told what became of batches. */
export interface BatchOwner {
  /** Stored. The entry is valid during the call. The batch's buffer may be reused after it. */
  onStored(batch: SendBatch, entry: AckEntry): void;
  /** The broker has stored it, whether or not somebody still waits for that. */
  onTaken(batch: SendBatch): void;
  /** Not stored, or nobody knows. `mayReuse`: the buffer is free. */
  onFailedBatch(batch: SendBatch, error: RingMQError, mayReuse: boolean): void;
  /** A batch that had failed before its answer came: its buffer is free now. */
  onReleased(batch: SendBatch): void;
  /** After a run of settled batches. */
  onProgress(): void;
  onConnected(): void;
  /** The link is gone. Told only while something is not settled. */
  onLost(): void;
  onConnectionFailed(error: RingMQError): void;
  onTopicChanged(topic: string): void;
  /** Looks the topics up as they are now, and gives them to `readdress` of the dispatcher. */
  onOtherOpening(topics: ReadonlySet<string>): void;
  /** A batch was refused and is tried again. */
  onRefused(code: ErrorCode): void;
  /** Something that is tried again, worth a line in a log. */
  onWarning(message: string, details: Record<string, unknown>): void;
}
