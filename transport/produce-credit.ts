/**
 * A producer's window: a running total of the bytes of produce frames its connection may have sent. It is
 * what keeps the broker's memory bounded when producers are faster than the disk: while batches wait for room
 * in the ring the total is not raised.
 */
export class ProduceCredit {
  /** What the client was told, or will be by the next frame that carries credit. Only grows. */
  limit: number;
  received = 0;

  constructor(firstWindowBytes: number) {
    this.limit = firstWindowBytes;
  }

  /** Counts a frame in. False: it is beyond the limit, and its sender was not idle (then one frame is free). */
  take(frameBytes: number, isIdle: boolean): boolean {
    if (this.received + frameBytes > this.limit && !isIdle) {
      return false;
    }
    this.received += frameBytes;
    return true;
  }

  /** Raises the limit once half of the window is used; true when it did. */
  renew(windowBytes: number): boolean {
    const next = this.received + windowBytes;
    if (next - this.limit < windowBytes / 2) {
      return false;
    }
    this.limit = next;
    return true;
  }
}
