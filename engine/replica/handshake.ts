/**
 * What a master and a slave tell each other before the log flows: that both know the secret, and where their
 * logs part. No sockets, no clock: facts in, a decision out.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { FACT_FLAG, type ReplicaEpoch, type ReplicaFacts } from '../../native-free/wire/index.js';

export type ReplicaRole = 'master' | 'slave';

/**
 * What shows that `role` knows the secret. Both nonces are in it, so no proof is of use twice; and the role,
 * so none can be sent back to its maker.
 */
export function proofOf(
  secret: Uint8Array,
  role: ReplicaRole,
  slaveNonce: Uint8Array,
  masterNonce: Uint8Array,
): Uint8Array {
  const mac = createHmac('sha256', secret);
  mac.update(`ringmq.replica.v1 ${role}\n`);
  mac.update(slaveNonce);
  mac.update(masterNonce);
  return new Uint8Array(mac.digest());
}

/** Takes the same time whichever byte is wrong. */
export function isProof(given: Uint8Array, wanted: Uint8Array): boolean {
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/**
 * Where two logs that were one part: the end of the newest term that both have, in the log where it ends
 * first. null: they have none in common.
 */
export function partingOf(
  a: { epochs: readonly ReplicaEpoch[]; end: number },
  b: { epochs: readonly ReplicaEpoch[]; end: number },
): number | null {
  for (let i = a.epochs.length - 1; i >= 0; i--) {
    const term = a.epochs[i] as ReplicaEpoch;
    const j = b.epochs.findLastIndex((other) => isSame(other, term));
    if (j >= 0) {
      return Math.min(a.epochs[i + 1]?.position ?? a.end, b.epochs[j + 1]?.position ?? b.end);
    }
  }
  return null;
}

function isSame(a: ReplicaEpoch, b: ReplicaEpoch): boolean {
  return a.epoch === b.epoch && a.position === b.position && a.time === b.time;
}

/** What a master decides of a slave that says hello. */
export type Decision =
  /**
   * The slave begins at `position`. `isParted`: what it has behind that is not the master's, in its log,
   * which is cut off, or in its state alone, where that came as a whole from another master and is newer than
   * its log; it takes the master's state.
   */
  | { kind: 'follow'; position: number; isParted: boolean }
  /** The slave has nothing that the master still has: it begins with the master's state and its oldest segment. */
  | { kind: 'anew'; position: number }
  /** The slave knows a later master: this one is none any more. */
  | { kind: 'fenced'; epoch: number }
  | { kind: 'refused'; why: string };

export function decide(master: ReplicaFacts, slave: ReplicaFacts): Decision {
  if (slave.cluster !== master.cluster || slave.set !== master.set) {
    const theirs = `${slave.cluster}/${slave.set}`;
    return { kind: 'refused', why: `it is of the set ${theirs}, this is ${master.cluster}/${master.set}` };
  }
  // One that knows a later master fences this one, whatever it is called.
  if (slave.name === master.name && slave.epoch <= master.epoch) {
    const why = `its name is '${slave.name}', which is its master's: give it a name of its own (--name), like '${slave.name}-slave'`;
    return { kind: 'refused', why };
  }
  if ((slave.flags & FACT_FLAG.isNew) !== 0) {
    return { kind: 'anew', position: master.start };
  }
  if (slave.brokerId !== master.brokerId) {
    const why = `its log is ${slave.brokerId}, this one is ${master.brokerId}: give it an empty data directory`;
    return { kind: 'refused', why };
  }
  if (slave.spanBytes !== master.spanBytes) {
    return { kind: 'refused', why: `its span is ${slave.spanBytes} bytes, this log's ${master.spanBytes}` };
  }
  if (slave.epoch > master.epoch) {
    return { kind: 'fenced', epoch: slave.epoch };
  }
  const parting = partingOf(master, slave);
  if (parting === null || parting < master.start || parting < slave.start) {
    return { kind: 'anew', position: master.start };
  }
  const hasOtherTerm = slave.epochs.some(
    (term) => term.position >= parting && !master.epochs.some((own) => isSame(own, term)),
  );
  return { kind: 'follow', position: parting, isParted: parting < slave.end || hasOtherTerm };
}
