/** How frames are exchanged with a broker. For those inside who make links; not part of the package's interface. */

/**
 * A way to exchange frames with a broker: a WebSocket, or function calls inside a process. Frames keep their
 * order.
 */
export interface Link {
  /** May keep the pointer until it is on its way; the caller leaves the bytes alone until the batch is acked or the link is closed. */
  send(frame: Uint8Array): void;
  readonly bufferedBytes: number;
  /** True: a frame given to `onFrame` stays as it is for ever. False or absent: it is valid during the call only. */
  readonly framesAreOwned?: boolean;
  /** Takes back a frame nobody looks at any more; only for frames that are owned. A function of its own, needing no `this`. */
  readonly releaseFrame?: (frame: Uint8Array) => void;
  close(code?: number): void;
  onFrame: ((frame: Uint8Array) => void) | null;
  onClose: ((reason?: unknown) => void) | null;
}

/** Opens a link, at once or later. Fails when it cannot, or with the signal's reason when that is aborted. */
export type LinkFactory = (signal: AbortSignal) => Link | Promise<Link>;
