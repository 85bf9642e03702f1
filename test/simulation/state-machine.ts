/**
 * A broker's log with its topics and groups on a simulated disk, on one thread: the real ring, lane, index
 * stage, persist stage, retention, control log, checkpoints and opening. Beside it a model of what it should
 * know, made anew with each change, so that what comes back after a crash can be compared with every moment
 * that it may be of.
 */
import { writeCheckpointFiles } from '../../engine/data/checkpoint-files.js';
import { type OpenData, openData } from '../../engine/data/open-data.js';
import type { AppendSink } from '../../engine/engine-thread.js';
import { keepSegmentsFrom } from '../../engine/log/index.js';
import type { CatalogTopic, MetaState } from '../../engine/meta/index.js';
import { resolveEngineOptions } from '../../engine/options.js';
import { LANE } from '../../engine/queue/index.js';
import { WORD } from '../../engine/ring/index.js';
import { makeBatch } from '../transport/make-batch.js';
import { openStages, SEGMENT, SPAN, type StageOptions, type Stages } from './one-thread-stages.js';
import type { SimulatedDisk } from './simulated-disk.js';

const DIR = { path: 'data', identity: '', token: '0000000000000000' };

export type Death = 'kill' | 'powerCut';

/** What may come back. */
export interface Promised {
  moments: string[];
  /** Topic id → how many messages it has at least. */
  messages: ReadonlyMap<number, number>;
}

/** What there is, in words that can be compared. */
export class Model {
  topics = new Map<number, string>();
  offsets = new Map<string, number>();
  groups = new Set<string>();

  static of(state: MetaState): Model {
    const model = new Model();
    for (const { topicId, topic } of state.topics.values()) {
      model.topics.set(topicId, topic);
    }
    for (const { group, topicId, pairs } of state.offsets.entries()) {
      for (let i = 0; i < pairs.length; i += 2) {
        model.offsets.set(`${group} ${topicId} ${pairs[i]}`, pairs[i + 1] as number);
      }
    }
    model.groups = new Set(state.createdGroups.keys());
    return model;
  }

  get text(): string {
    return JSON.stringify([[...this.topics].sort(), [...this.offsets].sort(), [...this.groups].sort()]);
  }
}

export class StateMachine implements AppendSink {
  readonly hasTravelled = false;
  readonly disk: SimulatedDisk;
  readonly options: StageOptions;
  readonly warnings: string[] = [];
  data!: OpenData;
  epoch = 0;
  #stages!: Stages;
  #model = new Model();
  /**
   * The model after each change that may come back, the oldest first: after a kill those from the last that
   * was acked on, after a power cut from the last on disk.
   */
  #moments: Record<Death, string[]> = { kill: [], powerCut: [] };
  /** Messages of each queue that were sent; of which those acked as the broker's policy says. */
  sent = new Map<number, number>();
  #acked: Record<Death, Map<number, number>> = { kill: new Map(), powerCut: new Map() };
  #later: (() => void)[] = [];
  #changing: { topic: CatalogTopic; isCreated: boolean }[] = [];
  #names = 0;

  constructor(disk: SimulatedDisk, options: StageOptions) {
    this.disk = disk;
    this.options = options;
    disk.mkdir('data');
  }

  /** Opens, as a broker does, and checks what has come back. */
  open(): void {
    const { disk } = this;
    const options = resolveEngineOptions({
      dataDir: 'data',
      spanBytes: SPAN,
      segmentBytes: 65_536,
      ringBytes: 65_536,
      memoryRingBytes: 65_536,
      maxQueues: 64,
      maxProducers: 16,
    });
    this.#later = [];
    this.#changing = [];
    this.data = openData(
      { ...options, segmentBytes: SEGMENT },
      DIR,
      (what) => this.warnings.push(what),
      disk,
    );
    const { recovery, node, state } = this.data;
    if (node.epoch <= this.epoch) {
      throw new Error(`epoch ${node.epoch} after ${this.epoch}`);
    }
    this.epoch = node.epoch;
    this.#stages = openStages(disk, this.data, this.options, (run) => this.#later.push(run));
    this.#stages.control.beginEpoch(node.epoch, recovery.endPosition, 'a');
    this.#model = Model.of(state);
    this.#moments = { kill: [this.#model.text], powerCut: [this.#model.text] };
  }

  /** What has come back must be of a moment that was promised, or a later one. */
  check(before: Promised): void {
    const back = Model.of(this.data.state);
    const sent = new Map<number, number>();
    if (!before.moments.includes(back.text)) {
      throw new Error(`came back with\n${back.text}, which is none of\n${before.moments.join('\n')}`);
    }
    for (const { topicId, slots } of this.data.catalog.list()) {
      const next = this.data.table.nextOffset(slots[0] as number);
      const acked = before.messages.get(topicId) ?? 0;
      const most = this.sent.get(topicId) ?? 0;
      if (next < acked || next > most) {
        throw new Error(`topic ${topicId} has ${next} messages; ${acked} were acked, ${most} sent`);
      }
      sent.set(topicId, next);
    }
    // The id of a topic whose creation was lost may be given out again.
    this.sent = sent;
    this.#acked = { kill: new Map(sent), powerCut: new Map(sent) };
  }

  /** What may come back: after a power cut only what is on disk was promised. */
  promised(death: Death): Promised {
    return { moments: this.#moments[death], messages: new Map(this.#acked[death]) };
  }

  createTopic(): void {
    const topic = this.data.catalog.reserve({ topic: `t${this.#names++ % 6}`, queues: 2, memory: false });
    for (const [queueId, slot] of topic.slots.entries()) {
      this.data.table.open(slot, topic.topicId, queueId, LANE.log);
    }
    this.#changing.push({ topic, isCreated: true });
    const { topicId, queues, memory, createdTime } = topic;
    this.#model.topics.set(topicId, topic.topic);
    void this.#stages.control
      .append([{ type: 'topicCreated', topic: topic.topic, topicId, queues, memory, createdTime }])
      .catch(() => {});
    this.#moment();
  }

  get mayCreate(): boolean {
    return this.#changing.length === 0 && this.data.catalog.byName(`t${this.#names % 6}`) === undefined;
  }

  deleteTopic(topic: CatalogTopic): void {
    this.#changing.push({ topic, isCreated: false });
    const { topicId, createdTime } = topic;
    this.#model.topics.delete(topicId);
    for (const key of [...this.#model.offsets.keys()]) {
      if (key.split(' ')[1] === `${topicId}`) {
        this.#model.offsets.delete(key);
      }
    }
    void this.#stages.control
      .append([{ type: 'topicDeleted', topic: topic.topic, topicId, createdTime, deletedTime: Date.now() }])
      .catch(() => {});
    this.#moment();
  }

  get mayDelete(): boolean {
    return this.#changing.length === 0;
  }

  commit(topic: CatalogTopic, group: string, queueId: number, offset: number): void {
    if (this.data.state.topics.has(topic.topicId)) {
      this.#stages.control.appendNumber('offsets', group, topic.topicId, queueId, offset);
      this.#model.offsets.set(`${group} ${topic.topicId} ${queueId}`, offset);
      this.#moment();
    }
  }

  createGroup(group: string): void {
    this.#model.groups.add(group);
    void this.#stages.control.append([{ type: 'groupCreated', group, createdTime: 1 }]).catch(() => {});
    this.#moment();
  }

  deleteGroup(group: string): void {
    this.#model.groups.delete(group);
    for (const key of [...this.#model.offsets.keys()]) {
      if (key.startsWith(`${group} `)) {
        this.#model.offsets.delete(key);
      }
    }
    this.#stages.control.appendLater({ type: 'groupDeleted', group });
    this.#moment();
  }

  /** A message to queue 0 of a topic; nothing when the ring is full. */
  send(topic: CatalogTopic, bytes: number): void {
    const batch = makeBatch([{ body: 'x'.repeat(bytes) }], { topicId: topic.topicId });
    if (this.#stages.lane.append(this, topic.topicId, batch) === 0) {
      this.sent.set(topic.topicId, (this.sent.get(topic.topicId) ?? 0) + 1);
    }
  }

  onAppended(topicId: number, status: number): void {
    if (status === 0) {
      this.#acked.kill.set(topicId, (this.#acked.kill.get(topicId) ?? 0) + 1);
    }
  }

  /** What the event loop would run next. */
  turn(): void {
    for (const run of this.#later.splice(0)) {
      run();
    }
    this.settle();
  }

  /** One step of the persist stage, and the acks that follow from it. */
  persist(): void {
    this.#stages.persist.step();
    this.settle();
  }

  /** Everything reaches the disk. */
  flushAll(): void {
    this.turn();
    this.#stages.persist.flushAll();
    this.settle();
  }

  settle(): void {
    this.#stages.lane.runIndex();
    this.#stages.lane.drainResults();
    this.#stages.lane.releaseAcks();
    if (!this.#stages.control.isSettled) {
      return;
    }
    const last = [this.#model.text];
    this.#moments.kill = last.slice();
    if (this.#stages.ring.flushed() === this.#stages.ring.head()) {
      this.#moments.powerCut = last.slice();
      this.#acked.powerCut = new Map(this.#acked.kill);
    }
    for (const { topic, isCreated } of this.#changing.splice(0)) {
      if (isCreated) {
        this.data.catalog.publish(topic);
      } else {
        this.data.catalog.remove(topic);
        for (const slot of topic.slots) {
          this.data.table.close(slot);
        }
        this.data.catalog.freeSlots(topic);
      }
    }
  }

  checkpoint(): void {
    if (!this.#stages.control.flush()) {
      return;
    }
    const tables = this.#stages.index.snapshotTables(0);
    if (tables === null) {
      return;
    }
    const state = this.#stages.control.snapshot(tables.position);
    this.flushAll();
    const flushed = this.#stages.ring.toBytes(this.#stages.ring.flushed());
    if (flushed < tables.position || !state.isCovered(flushed)) {
      return;
    }
    const { bytes, position, firstBlock, nextBlock, epoch } = tables;
    const job = {
      dir: DIR,
      state: state.bytes,
      tables: bytes,
      position,
      firstBlock,
      nextBlock,
      flushed,
      epoch,
    };
    writeCheckpointFiles(job, this.disk);
    keepSegmentsFrom(this.#stages.ring.control, WORD.spare, position, SEGMENT);
  }

  retain(): void {
    this.#stages.retention.step();
  }

  #moment(): void {
    this.#moments.kill.push(this.#model.text);
    this.#moments.powerCut.push(this.#model.text);
  }
}
