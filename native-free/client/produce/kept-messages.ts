/** Messages that a producer cannot pack yet: their topic is not known, or more is under way than `send` packs. */
import type { TakenMessage } from '../../batch/taken-message.js';
import type { Receipt, RingMQError } from '../../wire/index.js';
import { asRingMQError } from '../failures.js';
import type { SendOptions } from '../types.js';
import type { Packer } from './packer.js';
import { HeldMessages, type PendingMessage, pendingMessage } from './pending-message.js';
import type { TopicRoute } from './topic-route.js';
import type { TopicRoutes } from './topic-routes.js';

export interface KeptOwner {
  /** What was held for want of room may be packed. */
  readonly hasRoom: boolean;
  /** A message that nobody waits for has failed. */
  onKeptFailed(entry: PendingMessage, error: RingMQError): void;
}

export class KeptMessages {
  /** Of messages that wait for their topic. */
  bytes = 0;
  /** They wait for room. */
  readonly #held = new HeldMessages();
  readonly #packer: Packer;
  readonly #routes: TopicRoutes;
  readonly #owner: KeptOwner;

  constructor(packer: Packer, routes: TopicRoutes, owner: KeptOwner) {
    this.#packer = packer;
    this.#routes = routes;
    this.#owner = owner;
  }

  /** Those that wait for room. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** The lowest running number; infinity: there is none. */
  lowestNumber(): number {
    return Math.min(this.#held.first?.number ?? Number.POSITIVE_INFINITY, this.#routes.lowestNumber());
  }

  /**
   * Keeps a message that cannot be packed now; `isFull`: for want of room. Returns the promise of its
   * receipt, if one is wanted.
   * @throws RingMQError what is wrong with the message, BUFFER_FULL
   */
  keep(
    route: TopicRoute,
    message: TakenMessage,
    options: SendOptions | undefined,
    bornTime: number,
    number: number,
    deadline: number,
    wantsReceipt: boolean,
    isFull: boolean,
  ): Promise<Receipt> | null {
    if (isFull) {
      this.#held.checkRoom();
    }
    const entry = pendingMessage(message, options, bornTime, number, deadline, wantsReceipt);
    if (isFull) {
      this.#held.push(entry);
    } else {
      route.pending.push(entry);
      this.bytes += entry.record.length;
    }
    return entry.waiter === null ? null : entry.waiter.promise;
  }

  /** There is room again: packs what was held, as far as it goes. */
  admit(): void {
    while (this.#owner.hasRoom) {
      const entry = this.#held.shift();
      if (entry === undefined) {
        return;
      }
      this.bytes += entry.record.length;
      const route = this.#routes.to(entry.topic);
      if (!route.isKnown || route.pending.length > 0) {
        route.pending.push(entry);
      } else {
        this.#packKept(route, entry);
      }
    }
  }

  /** The topic of those that waited for it is known. */
  found(route: TopicRoute, waiting: readonly PendingMessage[]): void {
    for (const entry of waiting) {
      this.#packKept(route, entry);
    }
  }

  /** … or there is none. */
  notFound(waiting: readonly PendingMessage[], error: RingMQError): void {
    for (const entry of waiting) {
      this.bytes -= entry.record.length;
      this.#failOne(entry, error);
    }
  }

  failAll(error: RingMQError): void {
    for (const entry of this.#held.takeAll()) {
      this.#failOne(entry, error);
    }
    for (const pending of this.#routes.takePending()) {
      this.notFound(pending, error);
    }
  }

  #packKept(route: TopicRoute, entry: PendingMessage): void {
    this.bytes -= entry.record.length;
    if (entry.signal?.aborted === true) {
      return;
    }
    const waiter = entry.waiter;
    try {
      const receipt = this.#packer.packKept(route, entry);
      if (waiter !== null) {
        receipt?.then(waiter.resolve, waiter.reject);
      }
    } catch (error) {
      this.#failOne(entry, asRingMQError(error));
    }
  }

  #failOne(entry: PendingMessage, error: RingMQError): void {
    if (entry.waiter !== null) {
      entry.waiter.reject(error);
    } else {
      this.#owner.onKeptFailed(entry, error);
    }
  }
}
