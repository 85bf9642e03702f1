/** One batch as the queue index knows it: what a look-up fills in. Keep one object and use it again. */
export class IndexEntry {
  /** Offset of the batch's first record. */
  baseOffset = 0;
  /** Byte position in the log (memory lane: of the ring's endless address space). */
  position = 0;
  /** Length in the log, in units of 64 bytes. */
  slots = 0;
  /** Records. */
  count = 0;
  /** Set when the wanted offset is not stored any more: this is the first batch after it that is. */
  below = false;
}
