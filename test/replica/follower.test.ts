/** What a follower takes of its master's log, and what it does not. */
import { expect, it } from 'vitest';
import { Follower } from '../../engine/replica/follower.js';
import {
  LOG_FRAME_HEADER_BYTES,
  REPLICA_OPCODE,
  writeFrameHeader,
  writeUint64,
} from '../../native-free/wire/index.js';
import { randomOf, SimMaster, SPAN_BYTES } from './sim-log.js';

/** A log of a term's first batch and some more, and that term's. */
function logOf(epoch: number, batches = 3): SimMaster {
  const master = new SimMaster(randomOf(epoch), 2 * SPAN_BYTES);
  master.open(epoch, 1);
  for (let i = 0; i < batches; i++) {
    master.append();
  }
  return master;
}

function frameOf({ bytes, end }: SimMaster, from = 0, to = end): Uint8Array {
  const frame = new Uint8Array(LOG_FRAME_HEADER_BYTES + to - from);
  writeFrameHeader(frame, REPLICA_OPCODE.log, 0, 0, from);
  writeUint64(frame, LOG_FRAME_HEADER_BYTES - 16, from);
  writeUint64(frame, LOG_FRAME_HEADER_BYTES - 8, end);
  frame.set(bytes.subarray(from, to), LOG_FRAME_HEADER_BYTES);
  return frame;
}

/** A follower whose log ends at `position` with a batch of `epoch`, and has room. */
function followerAt(position: number, epoch: number): { follower: Follower; taken: () => number } {
  let taken = 0;
  const follower = new Follower(
    {
      spanBytes: SPAN_BYTES,
      append: (_source, _at, bytes) => {
        taken += bytes;
        return true;
      },
      onControl: (_batch, _position, done) => done(),
      onCommitted: () => {},
    },
    position,
    epoch,
  );
  return { follower, taken: () => taken };
}

function fed(frame: Uint8Array, position: number, epoch: number): { fault: string | null; taken: number } {
  const { follower, taken } = followerAt(position, epoch);
  follower.take(frame);
  let fault = follower.step();
  while (fault === null && follower.isBusy) {
    fault = follower.step();
  }
  return { fault, taken: taken() };
}

it('takes the log of its own term, and of a later one', () => {
  const log = logOf(3);
  expect(fed(frameOf(log), 0, 0)).toEqual({ fault: null, taken: log.end });
  expect(fed(frameOf(log), 0, 3)).toEqual({ fault: null, taken: log.end });
});

it('takes nothing of an earlier term: a master that was replaced cannot go on here', () => {
  const { fault, taken } = fed(frameOf(logOf(3)), 0, 4);
  expect(fault).toContain('a batch of epoch 3 behind one of 4');
  expect(taken).toBe(0);
});

it('takes nothing that lies elsewhere, and nothing behind what is damaged', () => {
  const log = logOf(1);
  expect(fed(frameOf(log), 64, 1)).toMatchObject({
    fault: expect.stringContaining('goes on at 64'),
    taken: 0,
  });
  const frame = frameOf(log);
  frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
  frame[LOG_FRAME_HEADER_BYTES + 70] = (frame[LOG_FRAME_HEADER_BYTES + 70] as number) ^ 1;
  expect(fed(frame, 0, 1).fault).not.toBeNull();
});
