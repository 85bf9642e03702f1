/** The shared memories of an opening, as every thread of the broker gets them. */
import { channelOf } from './control/channel-messages.js';
import type { OpenData } from './data/open-data.js';
import { type OpenedDir, openLogDir } from './disk/index.js';
import type { BrokerHandle } from './handle.js';
import { brokerSetOf, type ResolvedEngineOptions } from './options.js';
import { createProducerMemory, createResultMemory } from './queue/index.js';
import { createRingMemory, createSeatMemory, Ring } from './ring/index.js';
import { createStatsMemory } from './stats/index.js';
import { REPLICAS_BYTES } from './term/replica-layout.js';
import { ReplicaMarks } from './term/replica-marks.js';
import { SHARED_TEXT_BYTES } from './term/shared-text.js';
import { BROKER_WORDS_BYTES, ROLE } from './term/shared-words.js';
import { Term } from './term/term.js';

/** Of a master the epoch is the opening's, of a slave that of its log's end. */
export function newHandle(options: ResolvedEngineOptions, dir: OpenedDir, data: OpenData): BrokerHandle {
  const { node, recovery } = data;
  const ringSizes = { spanBytes: node.spanBytes, maxThreads: options.maxThreads };
  const handle: BrokerHandle = {
    kind: 'ringmq.handle.v1',
    brokerId: node.brokerId,
    openingId: dir.token,
    brokerName: options.name,
    cluster: options.cluster,
    brokerSet: brokerSetOf(options),
    epoch: node.epoch,
    flush: options.flush,
    dir,
    logDirFd: openLogDir(`${dir.path}/log`),
    segmentBytes: node.segmentBytes,
    channel: channelOf(dir.token),
    memoryHoldMs: options.memoryHoldMs,
    seats: createSeatMemory(options.maxThreads),
    brokerWords: new SharedArrayBuffer(BROKER_WORDS_BYTES),
    masterUrl: new SharedArrayBuffer(SHARED_TEXT_BYTES),
    replicas: new SharedArrayBuffer(REPLICAS_BYTES),
    inSyncLimits: { maxLagBytes: options.inSyncMaxLagBytes, maxLagMs: options.inSyncMaxLagMs },
    readsAtSlaves: options.slaveReads === 'old-data',
    stats: createStatsMemory(options.maxThreads),
    queues: data.table.memory,
    log: {
      ring: createRingMemory({
        ...ringSizes,
        ringBytes: options.ringBytes,
        startPosition: recovery.endPosition,
      }),
      producers: data.producers,
      results: createResultMemory(options.maxThreads),
    },
    memory: {
      // Positions of other openings are not given out again, so that message ids stay unique: not before
      // 4,096 openings, or where one takes more than 1 TiB.
      ring: createRingMemory({
        ...ringSizes,
        ringBytes: options.memoryRingBytes,
        startPosition: (node.epoch % 4096) * 2 ** 40,
      }),
      producers: createProducerMemory(options.maxProducers),
      results: createResultMemory(options.maxThreads),
    },
  };
  const isSlave = data.role === 'slave';
  const term = new Term(new Int32Array(handle.brokerWords));
  term.setEpoch(isSlave ? recovery.lastEpoch : node.epoch);
  term.setRole(isSlave ? ROLE.slave : ROLE.master);
  if (options.controller !== undefined) {
    term.setLease(Number.NEGATIVE_INFINITY);
  }
  new ReplicaMarks(handle.replicas).setUp(options, new Ring(handle.log.ring).toSlots(data.committed));
  return handle;
}
