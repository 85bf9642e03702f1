/** The consumers of a connection, by their numbers on it. */
import { keepWhole } from '#client-platform';
import { frameId, type RingMQError } from '../../wire/index.js';
import type { FrameReceiver } from './frame-receiver.js';
import { readSkip } from './incoming.js';
import type { Link } from './link.js';

export class Receivers {
  readonly #receivers = new Map<number, FrameReceiver>();
  #nextId = 1;

  /** Registers a consumer; its number. */
  add(receiver: FrameReceiver): number {
    const id = this.#nextId++;
    this.#receivers.set(id, receiver);
    return id;
  }

  remove(id: number): void {
    this.#receivers.delete(id);
  }

  /** A copy: they come and go while they are told things. */
  all(): FrameReceiver[] {
    return [...this.#receivers.values()];
  }

  onDeliver(frame: Uint8Array, link: Link): void {
    const receiver = this.#receivers.get(frameId(frame));
    if (receiver === undefined) {
      return; // One that has just left: the broker did not know yet.
    }
    // Not `slice`, which is a view on a Node Buffer.
    const owned = link.framesAreOwned === true ? frame : new Uint8Array(frame);
    keepWhole(owned);
    receiver.onDeliver(owned, link.releaseFrame ?? null);
  }

  onSkip(frame: Uint8Array): void {
    const { queueId, offset } = readSkip(frame);
    this.#receivers.get(frameId(frame))?.onSkip(queueId, offset);
  }

  /** False: there is no such consumer. */
  onEvent(id: number, event: Record<string, unknown>): boolean {
    const receiver = this.#receivers.get(id);
    receiver?.onEvent(event);
    return receiver !== undefined;
  }

  onConnected(): void {
    for (const receiver of this.all()) {
      receiver.onConnected();
    }
  }

  onLost(): void {
    for (const receiver of this.all()) {
      receiver.onLost();
    }
  }

  onFailed(failure: RingMQError): void {
    for (const receiver of this.all()) {
      receiver.onFailed(failure);
    }
  }
}
