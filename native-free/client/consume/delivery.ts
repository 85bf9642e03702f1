/** Turns what has arrived into batches to hand out: checked, in order, without what was handed out before or is filtered out. */

import { BatchHeader, bodyIsIntact, checkRecords, readHeader } from '../../batch/batch-reader.js';
import type { RecordSource } from '../../batch/record-source.js';
import { BATCH_HEADER_BYTES, RECORD, RECORD_HEADER_BYTES, RingMQError } from '../../wire/index.js';
import { BatchInfo } from './batch-info.js';
import type { TagFilter } from './filter.js';
import type { GroupMember } from './group-member.js';
import type { HeldQueue } from './held-queue.js';
import type { Arrival, QueueArrivals } from './queue-arrivals.js';
import { ReceivedBatch, recordAt } from './received-batch.js';

export class Delivery {
  readonly #topic: string;
  readonly #filter: TagFilter;
  /** undefined: of what may have been changed on its way. */
  readonly #verifyChecksums: boolean | undefined;
  readonly #header = new BatchHeader();

  constructor(topic: string, filter: TagFilter, verifyChecksums: boolean | undefined) {
    this.#topic = topic;
    this.#filter = filter;
    this.#verifyChecksums = verifyChecksums;
  }

  /** The next batch to hand out, or null when there is none now. Throws `BAD_BATCH` for a frame that makes no sense. */
  next(member: GroupMember): ReceivedBatch | null {
    const { inbox } = member;
    for (let queue = inbox.turn(); queue !== null; queue = inbox.turn()) {
      const batch = this.#nextOf(member, queue);
      inbox.passTurn();
      if (batch !== null) {
        return batch;
      }
    }
    return null;
  }

  /** The next batch of a queue; null when nothing of it is there to hand out now. */
  #nextOf(member: GroupMember, arrivals: QueueArrivals): ReceivedBatch | null {
    for (let arrival = arrivals.first(); arrival !== undefined; arrival = arrivals.first()) {
      const { source } = arrival;
      if (source === null) {
        arrivals.shift();
        const queue = member.active(arrivals.queueId, arrival.number);
        queue?.passOver(arrival.offset);
        if (queue !== undefined && arrival.damage !== null) {
          member.damage.met(queue, arrival.damage, null);
        }
        continue;
      }
      const batch = this.#take(member, arrivals, arrival, source);
      if (arrival.at >= arrival.end) {
        arrivals.shift();
      }
      if (batch !== null) {
        return batch;
      }
    }
    return null;
  }

  #take(
    member: GroupMember,
    arrivals: QueueArrivals,
    arrival: Arrival,
    source: RecordSource,
  ): ReceivedBatch | null {
    const header = this.#header;
    const { at, end } = arrival;
    arrival.at = Math.min(readHeader(source.bytes, at, end, header), end);
    member.inbox.took(arrivals, arrival.at - at);
    if (header.isPad) {
      return null;
    }
    const queue = member.active(arrivals.queueId, arrival.number);
    const next = header.baseOffset + header.recordCount;
    if (queue === undefined || next <= queue.handedOut) {
      return null;
    }
    queue.passOver(header.baseOffset);
    const damage = this.#damageOf(source, this.#verifyChecksums ?? !member.staysInProcess);
    if (damage !== null) {
      member.damage.met(queue, damage, next);
      return null;
    }
    const from = queue.handedOut - header.baseOffset;
    const info = new BatchInfo(
      header,
      from,
      this.#topic,
      member.isMemory,
      member.brokerId,
      queue,
      member.brokerSet ?? undefined,
    );
    queue.handOut(next);
    member.handedOut(queue);
    return this.#select(source, info, queue, from);
  }

  /** What is wrong with the batch, with its place in `details`. */
  #damageOf(source: RecordSource, verifiesBody: boolean): RingMQError | null {
    const header = this.#header;
    const { queueId, baseOffset, position, recordCount } = header;
    const details = { topic: this.#topic, queueId, offset: baseOffset, position, recordCount };
    if (verifiesBody && !bodyIsIntact(source.bytes, header)) {
      return new RingMQError(
        'BAD_CHECKSUM',
        `the batch at offset ${baseOffset} of ${this.#topic} queue ${queueId} (position ${position}) is damaged`,
        { details },
      );
    }
    try {
      checkRecords(source, header);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const where = `at offset ${baseOffset} of ${this.#topic} queue ${queueId}`;
      return new RingMQError('BAD_BATCH', `${why}, ${where}`, { cause, details });
    }
    return null;
  }

  /** Applies the filter: exactly, where the broker only left out batches without any chance. */
  #select(source: RecordSource, info: BatchInfo, queue: HeldQueue, from: number): ReceivedBatch | null {
    const header = this.#header;
    const { bytes, view } = source;
    const firstAt = from === 0 ? header.at + BATCH_HEADER_BYTES : recordAt(source, header, from);
    if (this.#filter.matchesAll) {
      return new ReceivedBatch(info, source, header, from, firstAt, null);
    }
    const matched: number[] = [];
    let at = firstAt;
    // Runs of filtered records are marked as one range.
    let run = from;
    for (let index = from; index < header.recordCount; index++) {
      if (this.#filter.matches(bytes, at + RECORD_HEADER_BYTES, bytes[at + RECORD.tagBytes] as number)) {
        info.passOver(run, index);
        matched.push(index, at);
        run = index + 1;
      }
      at += view.getUint32(at + RECORD.length, true);
    }
    if (matched.length === 0) {
      queue.ack(header.baseOffset + from, header.baseOffset + header.recordCount);
      return null;
    }
    info.passOver(run, header.recordCount);
    return new ReceivedBatch(info, source, header, from, firstAt, matched);
  }
}
