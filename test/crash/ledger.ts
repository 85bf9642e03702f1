import type { ConsumedMessage, Receipt } from '../../native-free/client/index.js';

/** A message of the crash suite: its writer and running number say all of its content. */
export function bodyOf(writer: number, number: number): string {
  return `${writer}:${number}:${'x'.repeat((number * 7 + writer) % 300)}`;
}

/** What was promised, and what was found: kept over all rounds, so that what held once must hold for ever. */
export class Ledger {
  /** `queue/offset` each acked message was given, by `writer:number`. */
  readonly #acked = new Map<string, string>();
  /** What stood at each place of a queue at the last full read. */
  #stored: string[][] = [];
  readonly #queues: number;

  constructor(queues: number) {
    this.#queues = queues;
  }

  get ackedCount(): number {
    return this.#acked.size;
  }

  /** A receipt arrived. Two receipts for one message, or another place for it, is a fault found at once. */
  acked(writer: number, number: number, receipt: Receipt): void {
    const id = `${writer}:${number}`;
    if (receipt.durability === 'memory') {
      throw new Error(`${id} was acked from memory`);
    }
    this.#acked.set(id, `${receipt.queueId}/${receipt.offset}`);
  }

  /**
   * Compares a read of the whole topic, from the first offset of each queue on, with all that was promised
   * and all that stood there before. Returns what is wrong, in words; nothing when all holds.
   */
  verify(read: readonly StoredMessage[]): string[] {
    const faults: string[] = [];
    const queues: string[][] = Array.from({ length: this.#queues }, () => []);
    const places = new Map<string, string>();
    const last = new Map<string, number>();
    for (const { queueId, offset, writer, number, intact } of read) {
      const id = `${writer}:${number}`;
      const place = `${queueId}/${offset}`;
      const queue = queues[queueId] as string[];
      if (!intact) {
        faults.push(`${place}: the body of ${id} is not what was sent`);
      }
      if (offset !== queue.length) {
        faults.push(`${place}: comes where ${queueId}/${queue.length} should`);
      }
      const twin = places.get(id);
      if (twin !== undefined) {
        faults.push(`${id} is stored twice: ${twin} and ${place}`);
      }
      const stream = `${writer}/${queueId}`;
      if (number <= (last.get(stream) ?? -1)) {
        faults.push(`${place}: ${id} stands behind a later one`);
      }
      last.set(stream, number);
      places.set(id, place);
      queue.push(id);
    }
    for (const [id, place] of this.#acked) {
      const found = places.get(id);
      if (found !== place) {
        faults.push(`${id} was acked at ${place}, found ${found ?? 'nowhere'}`);
      }
    }
    for (const [queueId, before] of this.#stored.entries()) {
      const changed = before.findIndex((id, offset) => queues[queueId]?.[offset] !== id);
      if (changed !== -1) {
        faults.push(
          `${queueId}/${changed} was ${before[changed]}, is ${queues[queueId]?.[changed] ?? 'gone'}`,
        );
      }
    }
    this.#stored = queues;
    return faults;
  }
}

/** A message as it was read back. */
export interface StoredMessage {
  queueId: number;
  offset: number;
  writer: number;
  number: number;
  /** Its body is, to the byte, the one that was sent. */
  intact: boolean;
}

export function storedMessage(message: ConsumedMessage): StoredMessage {
  const text = message.text();
  const [writer = -1, number = -1] = text.split(':', 2).map(Number);
  return {
    queueId: message.queueId,
    offset: message.offset,
    writer,
    number,
    intact: text === bodyOf(writer, number),
  };
}
