/**
 * Events about many queues as MessagePack, written piece by piece while the queues are begun or ended: of
 * 16,384 at once the encoder would hold the thread for some ten milliseconds.
 */

/** What an entry takes at most: three names, and three numbers of eight bytes. */
const ENTRY_BYTES = 64;
const HEAD_BYTES = 64;

interface QueueEntry {
  readonly queueId: number;
  readonly generation: number;
  readonly offset?: number;
}

const QUEUE_ID = shortText('queueId');
const GENERATION = shortText('generation');
const OFFSET = shortText('offset');

export class QueuesEventWriter {
  readonly #bytes: Buffer;
  readonly #countAt: number;
  #at: number;
  #count = 0;

  /** Of `event`, about at most so many queues. */
  constructor(event: 'assign' | 'revoke' | 'flow', maxCount: number) {
    this.#bytes = Buffer.allocUnsafe(HEAD_BYTES + maxCount * ENTRY_BYTES);
    const head = [
      [0x82],
      shortText('event'),
      shortText(event),
      shortText('queues'),
      [0xdd, 0, 0, 0, 0],
    ].flat();
    this.#bytes.set(head);
    this.#at = head.length;
    this.#countAt = head.length - 4;
  }

  add({ queueId, generation, offset }: QueueEntry): void {
    this.#count++;
    this.#bytes[this.#at++] = offset === undefined ? 0x82 : 0x83;
    this.#field(QUEUE_ID, queueId);
    this.#field(GENERATION, generation);
    if (offset !== undefined) {
      this.#field(OFFSET, offset);
    }
  }

  /** The whole payload; nothing may be added any more. */
  finish(): Uint8Array {
    this.#bytes.writeUInt32BE(this.#count, this.#countAt);
    return this.#bytes.subarray(0, this.#at);
  }

  #field(name: readonly number[], value: number): void {
    const bytes = this.#bytes;
    for (const byte of name) {
      bytes[this.#at++] = byte;
    }
    if (value < 0x80) {
      bytes[this.#at++] = value;
    } else if (value <= 0xffff_ffff) {
      bytes[this.#at] = 0xce;
      this.#at = bytes.writeUInt32BE(value, this.#at + 1);
    } else {
      bytes[this.#at] = 0xcb;
      this.#at = bytes.writeDoubleBE(value, this.#at + 1);
    }
  }
}

/** A text of less than 32 ASCII characters. */
function shortText(text: string): number[] {
  return [0xa0 | text.length, ...Buffer.from(text)];
}
