/** A master that says nothing is gone; one that is not listened to for a while is not. */
import { expect, it } from 'vitest';
import { FollowerSession } from '../../broker/follower/follower-session.js';
import { proofOf } from '../../engine/replica/handshake.js';
import {
  encodeFacts,
  LOG_FRAME_HEADER_BYTES,
  makeFrame,
  REPLICA_FLAG_OLD,
  REPLICA_OPCODE,
  type ReplicaFacts,
  writeFrameHeader,
  writeUint64,
} from '../../native-free/wire/index.js';
import { randomOf, SimMaster } from './sim-log.js';

const SECRET = new TextEncoder().encode('0123456789abcdef');
const MASTER_NONCE = new Uint8Array(32).fill(7);
const SPAN_BYTES = 8192;
const MASTER: ReplicaFacts = {
  ...{ start: 0, end: SPAN_BYTES, spanBytes: SPAN_BYTES, flags: 0, brokerId: '00112233445566aa', epoch: 1 },
  ...{ epochs: [], begin: 0, committed: 0, name: 'a', set: 'a', cluster: 'default' },
};

/** What the master has in files only. */
function oldFrame(): Uint8Array {
  const master = new SimMaster(randomOf(1), SPAN_BYTES);
  master.open(1, 1_760_000_000_000);
  const frame = new Uint8Array(LOG_FRAME_HEADER_BYTES + master.end);
  writeFrameHeader(frame, REPLICA_OPCODE.log, REPLICA_FLAG_OLD, 0, 0);
  writeUint64(frame, LOG_FRAME_HEADER_BYTES - 8, SPAN_BYTES);
  frame.set(master.bytes.subarray(0, master.end), LOG_FRAME_HEADER_BYTES);
  return frame;
}

it('while a slave holds itself back, its master is not taken for silent, and has its time from then on', () => {
  let now = 0;
  let isPaused = false;
  const later: { run: () => void; ms: number }[] = [];
  const sent: Uint8Array[] = [];
  const session = new FollowerSession({
    link: {
      bufferedBytes: 0,
      send: (frame) => void sent.push(frame),
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
      },
    },
    log: {
      ...{ spanBytes: SPAN_BYTES, end: 0, written: 0, flushed: 0, epoch: 0, append: () => true },
      onControl: (_batch, _position, done) => done(),
      ...{ onCommitted: () => {}, wantSync: () => {} },
    },
    ...{ secrets: () => [SECRET], facts: { ...MASTER, name: 'a-slave', end: 0 }, catchUpRateBytes: 10 },
    now: () => now,
    later: (run, ms) => void later.push({ run, ms }),
    readSound: () => Promise.resolve(new Uint8Array(0)),
    ...{ onFollowing: () => {}, onTaken: () => {}, onRun: () => {}, onCut: () => {} },
  });
  session.begin();
  const nonce = (sent[0] as Uint8Array).slice(16);
  session.onFrame(makeFrame(REPLICA_OPCODE.challenge, 0, { payload: MASTER_NONCE }));
  const payload = proofOf(SECRET, 'master', nonce, MASTER_NONCE);
  session.onFrame(makeFrame(REPLICA_OPCODE.proof, 0, { payload }));
  session.onFrame(encodeFacts(REPLICA_OPCODE.welcome, MASTER));
  now = 10_001;
  expect(session.isSilent).toBe(true);

  session.onFrame(oldFrame());
  session.onTurn();
  expect([isPaused, session.isSilent]).toEqual([true, false]);
  const [rest] = later as [{ run: () => void; ms: number }];
  expect(rest.ms).toBeGreaterThan(10_000);
  now += rest.ms;
  expect(session.isSilent).toBe(false);

  rest.run();
  expect([isPaused, session.isSilent]).toEqual([false, false]);
  now += 10_001;
  expect(session.isSilent).toBe(true);
});
