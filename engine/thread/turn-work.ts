/** Work that a thread does in each of its turns besides its own: replication. */

export interface TurnWork {
  /** After indexing, before this thread writes to the disk: what is sent now is on its way meanwhile. */
  beforeDisk(): void;
  /** After it: watermarks have moved. */
  afterDisk(): void;
}
