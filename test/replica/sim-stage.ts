/** What masters of the simulation have: the desk that greets slaves, and what is sent to them from. */
import type { ReplicaLink } from '../../engine/engine-thread.js';
import { ReplicaDesk } from '../../engine/replica/replica-desk.js';
import type { ReplicaRow } from '../../engine/replica/replica-row.js';
import type { ReplicateStage } from '../../engine/replica/replicate-stage.js';
import type { ReplicaMarks } from '../../engine/term/replica-marks.js';
import { type Random, type SimMaster, SPAN_BYTES } from './sim-log.js';
import { SECRET } from './sim-slave.js';

/** Of the schedule. */
export interface Given {
  readonly random: Random;
  later(run: () => void): void;
  now(): number;
  committed(): number;
}

/** Its ring, or its files, which have it a while later. */
export function simStage(
  master: SimMaster,
  row: ReplicaRow,
  link: ReplicaLink,
  given: Given,
): ConstructorParameters<typeof ReplicateStage>[0] {
  return {
    ring: {
      bytes: master.ring,
      ringBytes: master.ring.length,
      spanBytes: SPAN_BYTES,
      end: () => master.end,
      pin: (position) => position >= master.end - master.ring.length + 2 * SPAN_BYTES && given.random(5) > 0,
      unpin: () => {},
    },
    files: {
      start: () => master.start,
      read: (position, length, target) =>
        new Promise((resolve) => {
          given.later(() => {
            const there = position < master.start ? 0 : Math.max(0, Math.min(length, master.end - position));
            target.set(master.bytes.subarray(position, position + there));
            resolve(there);
          });
        }),
    },
    link: {
      bufferedBytes: 0,
      send: (frame) => link.send(frame),
      fail: (why) => link.fail('LOG_CORRUPT', why),
    },
    committed: given.committed,
    now: given.now,
    onDamage: (at) => {
      throw new Error(`the log of ${master.name} is damaged at ${at}`);
    },
    onHeard: (received, flushed) => row.heard(received, flushed, master.end, given.now()),
  };
}

/** The desk of whoever is the master. `fail`: what may not happen has. */
export function simDesk(
  marks: ReplicaMarks,
  master: () => SimMaster,
  now: () => number,
  fail: (problem: string) => void,
): ReplicaDesk {
  return new ReplicaDesk({
    marks,
    secrets: { all: [SECRET] },
    maxLagMs: 2_000,
    facts: () => master().facts(),
    isMaster: () => true,
    state: () =>
      new TextEncoder().encode(
        JSON.stringify(master().epochs.filter(({ position }) => position <= master().start)),
      ),
    toBytes: (slots) => slots * 64,
    onFenced: () => {
      fail('the only master was fenced');
    },
    onSlave: () => undefined,
    now: now,
  });
}
