import { describe, expect, it } from 'vitest';
import { decide, isProof, partingOf, proofOf } from '../../engine/replica/handshake.js';
import { FACT_FLAG, type ReplicaEpoch, type ReplicaFacts } from '../../native-free/wire/index.js';

const secret = new Uint8Array([1, 2, 3, 4]);
const nonces = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;

describe('the proofs', () => {
  it('need the secret, and are of no use to the other side or another time', () => {
    const proof = proofOf(secret, 'slave', ...nonces);
    expect(isProof(proof, proofOf(secret, 'slave', ...nonces))).toBe(true);
    expect(isProof(proof, proofOf(secret, 'master', ...nonces))).toBe(false);
    expect(isProof(proof, proofOf(new Uint8Array(4), 'slave', ...nonces))).toBe(false);
    expect(isProof(proof, proofOf(secret, 'slave', nonces[1], nonces[0]))).toBe(false);
    expect(isProof(proof.subarray(1), proof)).toBe(false);
  });
});

const term = (epoch: number, position: number, time = epoch): ReplicaEpoch => ({ epoch, position, time });

describe('where two logs part', () => {
  it.each<[string, ReplicaEpoch[], number, ReplicaEpoch[], number, number | null]>([
    ['one is behind the other', [term(1, 0)], 640, [term(1, 0)], 128, 128],
    ['one has a tail of a term that ended earlier', [term(1, 0), term(2, 256)], 640, [term(1, 0)], 512, 256],
    ['both went on by themselves', [term(1, 0), term(2, 256)], 640, [term(1, 0), term(3, 384)], 512, 256],
    [
      'two terms have one number',
      [term(1, 0), term(2, 256, 7)],
      640,
      [term(1, 0), term(2, 256, 8)],
      640,
      256,
    ],
    ['the older terms of one are forgotten', [term(4, 256)], 640, [term(1, 0), term(4, 256)], 512, 512],
    ['they were never one', [term(1, 0, 5)], 640, [term(1, 0, 6)], 640, null],
    ['one is empty', [term(1, 0)], 640, [], 0, null],
  ])('%s', (_case, a, aEnd, b, bEnd, parting) => {
    expect(partingOf({ epochs: a, end: aEnd }, { epochs: b, end: bEnd })).toBe(parting);
    expect(partingOf({ epochs: b, end: bEnd }, { epochs: a, end: aEnd })).toBe(parting);
  });
});

function facts(given: Partial<ReplicaFacts>): ReplicaFacts {
  return {
    start: 0,
    end: 640,
    spanBytes: 4096,
    flags: 0,
    brokerId: '00112233445566aa',
    epoch: 2,
    epochs: [term(1, 0), term(2, 256)],
    begin: 0,
    committed: 0,
    name: 'n',
    set: 'a',
    cluster: 'c',
    ...given,
  };
}

describe('what a master decides', () => {
  const master = facts({ name: 'a', start: 128 });

  it.each<[string, Partial<ReplicaFacts>, string]>([
    ['a slave that is behind goes on where it ends', { end: 512 }, 'follow 512'],
    [
      'a slave with a tail of its own cuts it off',
      { end: 512, epoch: 1, epochs: [term(1, 0)] },
      'follow 256',
    ],
    [
      'a new slave begins with the oldest, not the newest',
      { flags: FACT_FLAG.isNew, brokerId: '0000000000000000', spanBytes: 0, end: 0, epochs: [] },
      'anew 128',
    ],
    [
      'so does one whose log ends before the master’s begins',
      { end: 64, epoch: 1, epochs: [term(1, 0)] },
      'anew 128',
    ],
    ['one that knows a later master fences this one', { epoch: 3 }, 'fenced'],
    ['another log is refused', { brokerId: '0123456789abcdef' }, 'refused'],
    ['another set is refused', { set: 'b' }, 'refused'],
    ['another span is refused', { spanBytes: 8192 }, 'refused'],
    ['one of the master’s own name is refused', { name: 'a' }, 'refused'],
    [
      'also a new one',
      { name: 'a', flags: FACT_FLAG.isNew, brokerId: '0000000000000000', spanBytes: 0, end: 0, epochs: [] },
      'refused',
    ],
    ['and fences it all the same where it knows a later one', { name: 'a', epoch: 3 }, 'fenced'],
  ])('%s', (_case, slave, decided) => {
    const decision = decide(master, facts(slave));
    const text = 'position' in decision ? `${decision.kind} ${decision.position}` : decision.kind;
    expect(text).toBe(decided);
  });
});
