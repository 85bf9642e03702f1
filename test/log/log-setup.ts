/** A small log on a simulated disk for tests that look at one rule: spans of 1 KiB, segments of 4 KiB, batches of 256 bytes. */
import { type Recovery, type RecoveryOptions, recoverLog, segmentName } from '../../engine/log/index.js';
import { LOG_DIR, LogMachine, type MachineOptions, type Stamped } from '../simulation/log-machine.js';
import { Random } from '../simulation/random.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';

export const SPAN = 1024;
export const SEGMENT = 4096;
/** Body size that makes a batch of 256 bytes: four to a span, sixteen to a segment. */
export const BODY = 160;
export const BATCH_BYTES = 256;

export function makeMachine(options: Partial<MachineOptions> = {}): LogMachine {
  const machine = new LogMachine(new SimulatedDisk(new Random(1)), {
    segmentBytes: SEGMENT,
    spanBytes: SPAN,
    ringBytes: 16 * SPAN,
    stage: { flush: 'sync', zeroAheadBytes: 0, minFreeBytes: 0 },
    ...options,
  });
  machine.open();
  return machine;
}

/** So many batches, each written and synced by itself, so that its header states the end of the one before as flushed. */
export function append(machine: LogMachine, count: number): void {
  for (let i = 0; i < count; i++) {
    if (!machine.produce(BODY)) {
      throw new Error('the ring is full');
    }
    machine.settle();
  }
}

/** What recovery makes of the disk now, and which batches it shows. */
export function recover(
  machine: LogMachine,
  checkpoint: RecoveryOptions['checkpoint'] = null,
): Recovery & { seen: number[]; damagedBodies: number[] } {
  const seen: number[] = [];
  const damagedBodies: number[] = [];
  const options = { segmentBytes: SEGMENT, spanBytes: SPAN, checkpoint };
  const recovery = recoverLog(machine.disk, LOG_DIR, options, (_header, position, bodyIsDamaged) => {
    (bodyIsDamaged ? damagedBodies : seen).push(position);
  });
  return { ...recovery, seen, damagedBodies };
}

/** Changes bytes of the log on the disk, within one segment. */
export function damage(machine: LogMachine, position: number, change: (bytes: Uint8Array) => void): void {
  const base = position - (position % SEGMENT);
  machine.disk.corrupt(segmentPath(base), (bytes) => change(bytes.subarray(position - base)));
}

export function flipBit(machine: LogMachine, position: number): void {
  damage(machine, position, (bytes) => {
    bytes[0] = (bytes[0] as number) ^ 4;
  });
}

export function segmentPath(base: number): string {
  return `${LOG_DIR}/${segmentName(base)}`;
}

/** Positions of the batches remembered, pads left out. */
export function positions(batches: readonly Stamped[]): number[] {
  return batches.filter((batch) => !batch.isPad).map((batch) => batch.position);
}
