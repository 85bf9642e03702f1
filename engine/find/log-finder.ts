/** Searches of the log on a thread of its own: everything comes from files, the shared memories say where. */
import { type OpenedDir, OwnedDisk } from '../disk/index.js';
import { behindDamage } from '../lane/damage.js';
import { LogReader, oldestSegmentIn } from '../log/index.js';
import { IndexFiles, QueueIndex, QueueTable, type QueueTableMemory } from '../queue/index.js';
import { Ring, type RingMemory, WORD } from '../ring/index.js';
import { LogSource } from './batch-source.js';
import { findById } from './find-by-id.js';
import { findByKey, type KeyDeps } from './find-by-key.js';
import type { FindAnswer, FindRequest } from './find-request.js';
import { findInTopic } from './find-topic.js';
import { KeyParts } from './keys/key-parts.js';

/** What of the broker's handle it needs. */
export interface FinderMemory {
  readonly dir: OpenedDir;
  readonly segmentBytes: number;
  readonly brokerId: string;
  readonly queues: QueueTableMemory;
  readonly logRing: RingMemory;
}

export class LogFinder {
  readonly #brokerId: string;
  readonly #files: IndexFiles;
  readonly #reader: LogReader;
  readonly #deps: KeyDeps;

  constructor(memory: FinderMemory) {
    const { dir, segmentBytes } = memory;
    const disk = new OwnedDisk(dir);
    const ring = new Ring(memory.logRing);
    const queueTable = new QueueTable(memory.queues);
    this.#brokerId = memory.brokerId;
    this.#files = new IndexFiles({ disk, dir: `${dir.path}/queues` });
    const queueIndex = new QueueIndex(queueTable, this.#files);
    const logReader = new LogReader(disk, {
      dir: `${dir.path}/log`,
      segmentBytes,
      oldestSegment: oldestSegmentIn(ring.control, WORD.spare),
    });
    this.#reader = logReader;
    this.#deps = {
      queueTable,
      queueIndex,
      source: new LogSource(logReader),
      parts: new KeyParts(disk, `${dir.path}/index`, logReader),
      logReader,
      spanBytes: ring.spanBytes,
      behindDamage: (slot, offset) => behindDamage({ queueIndex, queueTable, logReader }, ring, slot, offset),
    };
  }

  /** @throws RingMQError TOPIC_NOT_FOUND (deleted meanwhile), disk errors */
  find(request: FindRequest): FindAnswer {
    try {
      const identity = { brokerId: this.#brokerId, memory: false };
      switch (request.kind) {
        case 'id':
          return findById(this.#deps, request, identity);
        case 'key':
          return findByKey(this.#deps, request, identity);
        default:
          return findInTopic(this.#deps, request, this.#brokerId);
      }
    } finally {
      // The thread ends when nobody looks for anything, and its descriptors would outlive it.
      this.#files.close();
      this.#reader.close();
    }
  }
}
