import type { RingMQError } from '../../wire/index.js';

/** A consumer, as the connection sees it. */
export interface FrameReceiver {
  /** `frame` is the consumer's to keep, or to give to `release`. */
  onDeliver(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void;
  onSkip(queueId: number, offset: number): void;
  onEvent(event: Record<string, unknown>): void;
  onConnected(): void;
  onLost(): void;
  onFailed(error: RingMQError): void;
}
