/** What every call takes. */
export interface CallOptions {
  /** Aborting rejects the call with `ABORTED`. */
  signal?: AbortSignal | undefined;
}
