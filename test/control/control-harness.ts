/** A control plane over a real control log, a made-up log and made-up queues, with turns of the event loop taken by hand. */
import { expect, onTestFinished } from 'vitest';
import { AccessDesk } from '../../engine/access/access-desk.js';
import { ControlLog } from '../../engine/control/control-log.js';
import { ControlPlane } from '../../engine/control/control-plane.js';
import { type CatalogTopic, TopicCatalog } from '../../engine/meta/topic-catalog.js';
import type { ControlEvent, ControlMethod, ControlMethods } from '../../native-free/wire/index.js';
import { FakeLog } from './fake-log.js';

export class ControlHarness {
  readonly log = new FakeLog();
  readonly opened: CatalogTopic[] = [];
  readonly closing: { topic: CatalogTopic; done(): void }[] = [];
  readonly changes: string[] = [];
  readonly fatal: unknown[] = [];
  readonly warnings: string[] = [];
  readonly events = new Map<string, ControlEvent[]>();
  holdClose = false;
  openFault: Error | null = null;
  time = 1_000;
  /** Of all messages; null: nobody can tell. */
  storeTime: number | null = null;
  queue = { minOffset: 10, maxOffset: 100 };
  control!: ControlLog;
  epoch = 0;
  catalog!: TopicCatalog;
  plane!: ControlPlane;

  constructor() {
    this.open();
  }

  /** Opens what is in the log; without a close before, as after SIGKILL. */
  open(): void {
    this.log.kill();
    const state = this.log.recover();
    this.epoch++;
    this.control = new ControlLog({
      state,
      writer: this.log,
      spanBytes: 4096,
      later: (run) => void setImmediate(run),
    });
    this.catalog = new TopicCatalog(state, { now: () => this.time, maxQueues: 64 });
    this.plane = new ControlPlane({
      log: this.control,
      access: new AccessDesk({ state: state.access, now: () => this.time }),
      epoch: this.epoch,
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
      askThreads: async () => ({ answers: [], silent: 0 }),
      history: () => ({ stepMs: 10_000, from: 0, series: {} }),
      unreadTime: () => this.storeTime,
      wallMs: () => this.time,
      queueStats: () => ({ queues: [], lags: [], isComplete: true }),
      onFatal: (error) => this.fatal.push(error),
      onWarning: (message) => this.warnings.push(message),
    });
    const { plane } = this;
    plane.becomeMaster();
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

  /** Some turns of the event loop: what was asked for has run, the log has it, and what follows has run, too. */
  async turn(): Promise<void> {
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** An error of the code, whose message holds `text`. */
export const failing = (code: string, text?: string) =>
  expect.objectContaining({
    code,
    ...(text === undefined ? {} : { message: expect.stringContaining(text) }),
  });

/** One with the topic `orders`. */
export async function withTopic(queues = 4): Promise<ControlHarness> {
  const harness = new ControlHarness();
  await harness.call('createTopic', { topic: 'orders', queues, memory: false });
  return harness;
}
