/**
 * What one thread counts of itself, and who held it for long. Counting is a plain addition; the block in
 * shared memory is written once a turn.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import type { ThreadMeter, WorkOwner } from '../engine-thread.js';
import { blockOf, COUNTERS } from './stats-layout.js';

/** Work in one go that holds a thread for longer is told. */
export const SLOW_TURN_MS = 100;
/** One warning in so long; those between are counted. */
const WARN_EVERY_MS = 10_000;

/** Tells of a piece of work that took too long. */
export type SlowWork = (message: string, details: Record<string, unknown>) => void;

export class SeatMeter implements ThreadMeter {
  messagesIn: number;
  batchesIn: number;
  bytesIn: number;
  messagesOut: number;
  bytesOut: number;
  refusedBatches: number;
  requests: number;
  connections = 0;
  connectionsOpened: number;
  httpRequests: number;
  httpFailures: number;
  connectionsRefused: number;
  pacedWaits: number;
  turns: number;
  busyMs: number;
  longestTurnMs = 0;
  readonly #block: Float64Array;
  readonly #onSlow: SlowWork;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #untold = 0;

  /** Goes on with what the seat's earlier owners have counted. */
  constructor(memory: SharedArrayBuffer, seat: number, onSlow: SlowWork) {
    const block = blockOf(memory, seat);
    this.#block = block;
    this.#onSlow = onSlow;
    const before = (counter: (typeof COUNTERS)[number]): number => block[COUNTERS.indexOf(counter)] as number;
    this.messagesIn = before('messagesIn');
    this.batchesIn = before('batchesIn');
    this.bytesIn = before('bytesIn');
    this.messagesOut = before('messagesOut');
    this.bytesOut = before('bytesOut');
    this.refusedBatches = before('refusedBatches');
    this.requests = before('requests');
    this.connectionsOpened = before('connectionsOpened');
    this.httpRequests = before('httpRequests');
    this.httpFailures = before('httpFailures');
    this.connectionsRefused = before('connectionsRefused');
    this.pacedWaits = before('pacedWaits');
    this.turns = before('turns');
    this.busyMs = before('busyMs');
    this.publish();
  }

  begin(): number {
    return monotonicMs();
  }

  end(begun: number, what: string, owner: WorkOwner): void {
    const ms = monotonicMs() - begun;
    this.busyMs += ms;
    if (ms > this.longestTurnMs) {
      this.longestTurnMs = ms;
    }
    if (ms >= SLOW_TURN_MS) {
      this.#tell(ms, what, owner);
    }
  }

  /** Makes the counts visible to others; at the end of a turn. */
  publish(): void {
    const block = this.#block;
    block[0] = this.messagesIn;
    block[1] = this.batchesIn;
    block[2] = this.bytesIn;
    block[3] = this.messagesOut;
    block[4] = this.bytesOut;
    block[5] = this.refusedBatches;
    block[6] = this.requests;
    block[7] = this.connections;
    block[8] = this.turns;
    block[9] = this.busyMs;
    block[10] = this.longestTurnMs;
    block[11] = this.connectionsOpened;
    block[12] = this.httpRequests;
    block[13] = this.httpFailures;
    block[14] = this.connectionsRefused;
    block[15] = this.pacedWaits;
  }

  /** The thread gives its seat back. */
  close(): void {
    this.connections = 0;
    this.publish();
  }

  #tell(ms: number, what: string, owner: WorkOwner): void {
    const now = monotonicMs();
    if (now - this.#warnedAt < WARN_EVERY_MS) {
      this.#untold++;
      return;
    }
    this.#warnedAt = now;
    const others = this.#untold === 0 ? '' : `; ${this.#untold} more since the last warning`;
    this.#untold = 0;
    const whose = owner.label === '' ? '' : ` of ${owner.label}`;
    this.#onSlow(`${what}${whose} held its thread for ${Math.round(ms)} ms${others}`, {
      heldMs: Math.round(ms),
      what,
      whose: owner.label,
    });
  }
}
