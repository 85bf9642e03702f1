/** Knows what of the log is damaged, from when the directory is opened: lists it by queue for whoever asks, and has it repaired from another of the set. */
import { DamageList, MAX_DAMAGE_PER_QUEUE } from '../control/damage-list.js';
import type { TopicQueues } from '../control/topic-queues.js';
import { OwnedDisk } from '../disk/index.js';
import type { BrokerHandle } from '../handle.js';
import { holdSegment } from '../log/index.js';
import type { RepairRange } from '../replica/repair-run.js';
import { WORD } from '../ring/index.js';
import type { ThreadParts } from '../thread/thread-parts.js';
import type { OpenData } from './open-data.js';
import { RepairKeeper } from './repair-keeper.js';

export interface KnownDamageHost {
  /** A stretch of the log can be read again. */
  onRepaired(): void;
  /** The directory is to be opened again, which makes the queue index anew. */
  onStale(): void;
  /** So may a master be: from its last checkpoint on. */
  mayOpenAgain(): boolean;
  /** What a recovery should have to read. */
  readonly checkpointBytes: number;
  warn(message: string, details: Record<string, unknown>): void;
}

export class KnownDamage {
  readonly list = new DamageList();
  readonly repair: RepairKeeper;
  readonly #isFollower: () => boolean;
  readonly #host: KnownDamageHost;

  constructor(
    handle: BrokerHandle,
    parts: ThreadParts,
    data: OpenData,
    queues: TopicQueues,
    host: KnownDamageHost,
  ) {
    this.#isFollower = () => parts.term.isFollower;
    this.#host = host;
    this.repair = new RepairKeeper(
      {
        disk: new OwnedDisk(handle.dir),
        dataDir: handle.dir.path,
        segmentBytes: data.node.segmentBytes,
        spanBytes: data.node.spanBytes,
        lastEpoch: () => parts.term.epoch,
        epochs: () => data.state.epochs,
        flushed: () => parts.logRing.toBytes(parts.logRing.flushed()),
        oldest: () => parts.logReader.oldestPosition,
        hold: (base) => holdSegment(parts.logRing.control, WORD.spare, base, data.node.segmentBytes),
        isIndexed: ({ topicId, queueId, baseOffset, position }) => {
          const topic = data.catalog.byId(topicId);
          return topic === undefined || queues.isIndexed(topic, queueId, baseOffset, position);
        },
        onRepaired: (range, from) => this.#onRepaired(range, from),
        readAgainUntil: readAgainUntil(data, host.checkpointBytes),
        mayOpenAgain: () => parts.term.isFollower || host.mayOpenAgain(),
        onStale: (isQuick) => this.#onStale(isQuick),
        warn: (message, details) => host.warn(message, details),
      },
      data.recovery.damage,
    );
    // Of bodies: of what has no header any more nobody can say whose it is.
    for (const { position, bytes, what } of data.recovery.damage.slice(0, MAX_DAMAGE_PER_QUEUE)) {
      const batch = this.repair.batchAt(position);
      if (batch !== null) {
        this.list.add({ ...batch, position, bytes, message: `log position ${position}: ${what}` });
      }
    }
  }

  #onRepaired({ position, bytes }: RepairRange, from: string): void {
    this.list.repaired(position, position + bytes);
    this.#host.onRepaired();
    this.#host.warn(
      `damage in the log at position ${position}, of ${bytes} bytes, was repaired from what ${from} has`,
      { event: 'repaired', position, bytes, from },
    );
  }

  /** What a recovery could not read is in the log again, but in no queue. */
  #onStale(isQuick: boolean): void {
    const isNow = isQuick || this.#isFollower();
    this.#host.warn(
      `what was repaired is in the queues when this broker is opened again, which ${isQuick ? 'reads the log from its last checkpoint on' : 'makes the queue index from the log'}${isNow ? ': now' : '; restart it, or promote a slave, which has it all'}`,
      { event: 'rebuild' },
    );
    if (isNow) {
      this.#host.onStale();
    }
  }
}

/** Where there is nobody who could repair it, nothing waits for that. */
function readAgainUntil({ role, node, readAgain }: OpenData, checkpointBytes: number): number {
  const hasOthers = role === 'slave' || node.slaves.length > 0;
  return hasOthers && readAgain !== null ? readAgain + 2 * checkpointBytes : -1;
}
