/** Gives one producer its messages, when they are due and there is room, and times their acks. */
import type { BodyWriter } from './body-layout.js';
import { clockMs } from './clock.js';
import type { LoadProducer, SendSink } from './driver.js';
import type { LatencyRecorder } from './latency.js';
import type { Schedule } from './schedule.js';

/** Messages given at once, before others get their turn. */
const CHUNK = 2048;
/** Numbers are 32 bits wide in the body. */
const MAX_NUMBER = 2 ** 32 - 1;

/** What the senders of a thread share. */
export interface SendRecord {
  /** From the call that sent, and from when it should have been. */
  readonly fromActual: LatencyRecorder;
  readonly fromIntended: LatencyRecorder;
  /** Intended starts that are measured; what is outside warms up. */
  measureFromMs: number;
  measureToMs: number;
  noteError(error: unknown): void;
}

export interface SenderOptions {
  /** `write` where the producer has it: every `sampleEvery`-th message goes through `send`, to learn when it was acked. */
  api: 'write' | 'send';
  maxInFlight: number;
  /** Messages one of which is timed. */
  sampleEvery: number;
}

export class Sender implements SendSink {
  /** Messages given so far. */
  number = 0;
  failedCount = 0;
  /** Waits for an ack or for room: there is no use in asking it now. */
  isBlocked = false;
  /** Called when it is no longer. */
  onUnblocked: () => void = () => {};
  readonly #bodies: BodyWriter;
  readonly #record: SendRecord;
  readonly #options: SenderOptions;
  #producer: LoadProducer | null = null;
  #schedule: Schedule | null = null;
  /** Written messages share one body, which is copied by the call. */
  readonly #written: Uint8Array;
  /** By slot: its body, and when its message was sent and meant to be (0: it is not timed). */
  readonly #slotBodies: Uint8Array[] = [];
  readonly #slotActualMs: number[] = [];
  readonly #slotIntendedMs: number[] = [];
  readonly #freeSlots: number[] = [];
  #inFlight = 0;
  /** In flight below which it goes on after it was full: one wake for many. */
  readonly #resumeBelow: number;
  #untilSample = 1;
  #acked = 0;

  constructor(bodies: BodyWriter, record: SendRecord, options: SenderOptions) {
    this.#bodies = bodies;
    this.#record = record;
    this.#options = options;
    this.#written = bodies.make();
    this.#resumeBelow = options.maxInFlight - Math.floor(options.maxInFlight / 8);
  }

  get producer(): LoadProducer | null {
    return this.#producer;
  }

  set producer(producer: LoadProducer) {
    this.#producer = producer;
  }

  /** Messages that are acked. */
  get ackedCount(): number {
    if (!this.#usesWrite) {
      return this.#acked;
    }
    const unsettled = this.#producer?.unsettled?.() ?? 0;
    return Math.max(0, this.number - this.failedCount - unsettled);
  }

  get #usesWrite(): boolean {
    return this.#options.api === 'write' && this.#producer?.write !== undefined;
  }

  /** null: nothing is sent any more. */
  follow(schedule: Schedule | null): void {
    this.#schedule = schedule;
  }

  /** When it next has something to send; never while it is blocked or has no schedule. */
  nextDueMs(nowMs: number): number {
    const schedule = this.#schedule;
    if (schedule === null || this.isBlocked || this.number >= MAX_NUMBER) {
      return Number.POSITIVE_INFINITY;
    }
    return schedule.intendedMs(this.number, nowMs);
  }

  /** Sends what is due. */
  pump(nowMs: number): void {
    const schedule = this.#schedule;
    if (schedule === null || this.isBlocked) {
      return;
    }
    const end = Math.min(schedule.dueBy(nowMs), this.number + CHUNK, MAX_NUMBER);
    const usesWrite = this.#usesWrite;
    while (this.number < end && !this.isBlocked) {
      if (usesWrite && --this.#untilSample > 0) {
        this.#write(schedule.intendedMs(this.number, nowMs));
      } else {
        this.#send(schedule, nowMs);
      }
    }
  }

  #write(intendedMs: number): void {
    const producer = this.#producer as LoadProducer;
    this.#bodies.stamp(this.#written, this.number++, intendedMs);
    if (producer.write?.(this.#written) === false) {
      this.#waitUntilReady();
    }
  }

  #waitUntilReady(): void {
    this.isBlocked = true;
    const unblock = (): void => {
      this.isBlocked = false;
      this.onUnblocked();
    };
    this.#producer?.ready?.().then(unblock, (error) => {
      this.#record.noteError(error);
      this.#schedule = null;
      unblock();
    });
  }

  #send(schedule: Schedule, nowMs: number): void {
    const isTimed = this.#isTimed();
    const actualMs = isTimed ? clockMs() : nowMs;
    const intendedMs = schedule.intendedMs(this.number, actualMs);
    const slot = this.#freeSlots.pop() ?? this.#newSlot();
    const body = this.#slotBodies[slot] as Uint8Array;
    this.#bodies.stamp(body, this.number++, intendedMs);
    const { measureFromMs, measureToMs } = this.#record;
    const counts = isTimed && intendedMs >= measureFromMs && intendedMs < measureToMs;
    this.#slotActualMs[slot] = actualMs;
    this.#slotIntendedMs[slot] = counts ? intendedMs : 0;
    if (++this.#inFlight >= this.#options.maxInFlight) {
      this.isBlocked = true;
    }
    (this.#producer as LoadProducer).send(body, slot);
  }

  #isTimed(): boolean {
    if (this.#usesWrite) {
      this.#untilSample = this.#options.sampleEvery;
      return true;
    }
    if (--this.#untilSample > 0) {
      return false;
    }
    this.#untilSample = this.#options.sampleEvery;
    return true;
  }

  #newSlot(): number {
    this.#slotActualMs.push(0);
    this.#slotIntendedMs.push(0);
    return this.#slotBodies.push(this.#bodies.make()) - 1;
  }

  acked(slot: number): void {
    this.#acked++;
    const intendedMs = this.#slotIntendedMs[slot] as number;
    if (intendedMs > 0) {
      const nowMs = clockMs();
      this.#record.fromIntended.record(nowMs - intendedMs);
      this.#record.fromActual.record(nowMs - (this.#slotActualMs[slot] as number));
    }
    this.#release(slot);
  }

  /** A slot's buffer may still be read by the library after a failure, so it is given up. */
  failed(_slot: number, error: unknown): void {
    this.failedCount++;
    this.#record.noteError(error);
    this.#leave();
  }

  failedWritten(count: number, error: unknown): void {
    this.failedCount += count;
    this.#record.noteError(error);
  }

  #release(slot: number): void {
    this.#freeSlots.push(slot);
    this.#leave();
  }

  #leave(): void {
    this.#inFlight--;
    if (!this.isBlocked || this.#inFlight >= this.#resumeBelow) {
      return;
    }
    this.isBlocked = false;
    this.onUnblocked();
  }
}
