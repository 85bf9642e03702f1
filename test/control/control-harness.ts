/** A control plane over a real meta store and made-up queues, with turns of the event loop taken by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ControlPlane } from '../../engine/control/control-plane.js';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { type CatalogTopic, TopicCatalog } from '../../engine/meta/topic-catalog.js';
import type { ControlEvent, ControlMethod, ControlMethods } from '../../native-free/wire/index.js';
import { FaultyDisk } from '../meta/faulty-disk.js';

export class ControlHarness {
  readonly disk = new FaultyDisk();
  readonly opened: CatalogTopic[] = [];
  readonly closing: { topic: CatalogTopic; done(): void }[] = [];
  readonly changes: string[] = [];
  readonly fatal: unknown[] = [];
  readonly warnings: string[] = [];
  readonly events = new Map<string, ControlEvent[]>();
  holdClose = false;
  openFault: Error | null = null;
  time = 1_000;
  queue = { minOffset: 10, maxOffset: 100 };
  store!: MetaStore;
  catalog!: TopicCatalog;
  plane!: ControlPlane;
  readonly #dir: string;

  constructor() {
    const root = mkdtempSync(join(tmpdir(), 'ringmq-control-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    this.#dir = join(root, 'meta');
    this.open();
  }

  /** Opens what is on disk; without a close before, as after SIGKILL. */
  open(): void {
    this.store = MetaStore.open(this.disk, this.#dir, {
      now: () => this.time,
      defaults: { spanBytes: 4096, segmentBytes: 65_536 },
    });
    this.catalog = new TopicCatalog(this.store, { now: () => this.time, maxQueues: 64 });
    this.plane = new ControlPlane({
      store: this.store,
      catalog: this.catalog,
      now: () => this.time,
      openQueues: (topic) => {
        if (this.openFault !== null) {
          throw this.openFault;
        }
        this.opened.push(topic);
      },
      closeQueues: (topic) =>
        this.holdClose ? new Promise<void>((done) => this.closing.push({ topic, done })) : undefined,
      queueState: () => this.queue,
      findOffsetByTime: (_topic, _queueId, time) => Promise.resolve(time),
      onTopicChanged: (topic, topicId) => this.changes.push(`${topic} ${topicId}`),
      stats: () => {
        throw new Error('nothing is counted here');
      },
      queueStats: () => ({ queues: [], lags: [], isComplete: true }),
      onFatal: (error) => this.fatal.push(error),
      onWarning: (message) => this.warnings.push(message),
    });
    const { plane } = this;
    plane.start();
    onTestFinished(() => plane.close());
  }

  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
    seat = 1,
  ): Promise<ControlMethods[M]['result']> {
    return this.raw(method, params, consumerKey, seat) as Promise<ControlMethods[M]['result']>;
  }

  raw(method: string, params: unknown, consumerKey?: string, seat = 1): Promise<unknown> {
    return this.plane.handle(method, params, {
      seat,
      ...(consumerKey === undefined ? {} : { consumerKey }),
      send: (event) => this.eventsOf(consumerKey ?? '').push(event),
    });
  }

  join(consumerKey: string, params: Partial<ControlMethods['join']['params']> = {}, seat = 1) {
    return this.call(
      'join',
      { consumer: 1, group: 'g', topic: 'orders', filter: '*', from: 'earliest', memberId: null, ...params },
      consumerKey,
      seat,
    );
  }

  eventsOf(consumerKey: string): ControlEvent[] {
    let events = this.events.get(consumerKey);
    if (events === undefined) {
      events = [];
      this.events.set(consumerKey, events);
    }
    return events;
  }

  /** Queues of the last `assign` a consumer had. */
  assigned(consumerKey: string): { queueId: number; generation: number; offset: number }[] {
    const last = this.eventsOf(consumerKey).findLast((event) => event.event === 'assign');
    return last?.event === 'assign' ? last.queues : [];
  }

  firstAssigned(consumerKey: string): { queueId: number; generation: number; offset: number } {
    const first = this.assigned(consumerKey)[0];
    if (first === undefined) {
      throw new Error(`${consumerKey} has no queue`);
    }
    return first;
  }

  /** Two turns of the event loop: what was asked for has run, and what it asked for too. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
