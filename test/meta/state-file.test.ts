import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import {
  type ControlRecord,
  decodeState,
  encodeState,
  MetaState,
  readNode,
  readState,
  writeNode,
  writeState,
} from '../../engine/meta/index.js';
import { Random } from '../simulation/random.js';
import { SimulatedCrash, SimulatedDisk } from '../simulation/simulated-disk.js';
import { NODE } from './node-facts.js';
import { tempDir } from './temp-dir.js';

function stateWith(groups: number, queues: number): MetaState {
  const state = new MetaState();
  state.apply({ type: 'epoch', epoch: 1, position: 0, name: 'a', time: 1 });
  state.apply({ type: 'topicCreated', topic: 'orders', topicId: 1, queues, memory: false, createdTime: 1 });
  for (let i = 0; i < groups; i++) {
    const pairs = Array.from({ length: queues }, (_, queueId) => [
      queueId,
      1_000_000_000 + i + queueId,
    ]).flat();
    state.apply({ type: 'offsets', group: `group-${i}`, topicId: 1, pairs });
  }
  return state;
}

const corrupt = expect.objectContaining({ code: 'LOG_CORRUPT' });

describe('meta/state', () => {
  test('has all of the state, and the place that it is of', () => {
    const state = stateWith(20, 300);
    const bytes = encodeState(state.records(), 1280);
    const { state: again, position } = decodeState(bytes, 'state');
    expect(position).toBe(1280);
    expect([...again.records()]).toEqual([...state.records()]);
  });

  test('finds every flipped bit and every cut', () => {
    const bytes = encodeState(stateWith(3, 2).records(), 1280);
    for (let at = 0; at < bytes.length; at++) {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] as number) ^ (1 << (at % 8));
      expect(() => decodeState(copy, 'state')).toThrow(corrupt);
      expect(() => decodeState(bytes.subarray(0, at), 'state')).toThrow(corrupt);
    }
    expect(() => decodeState(Buffer.concat([bytes, bytes]), 'state')).toThrow(corrupt);
  });

  test('of 10,000 groups on four queues each is small, and quickly made and read', () => {
    const state = stateWith(10_000, 4);
    const started = performance.now();
    const bytes = encodeState(state.records(), 0);
    const { state: again } = decodeState(bytes, 'state');
    // Some 20 ms each on a machine that has nothing else to do.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(bytes.length).toBeLessThan(1_000_000);
    expect(again.offsets.groupCount).toBe(10_000);
  });

  test('is the old one or the new one, wherever its replacement is cut off', () => {
    const record: ControlRecord = { type: 'groupCreated', group: 'g', createdTime: 1 };
    let finished = false;
    for (let crashAt = 1; !finished; crashAt++) {
      for (const death of ['kill', 'cutPower'] as const) {
        const disk = new SimulatedDisk(new Random(crashAt));
        disk.mkdir('meta');
        writeState(disk, 'meta', encodeState([], 64));
        disk.crashAfterCalls = crashAt;
        try {
          writeState(disk, 'meta', encodeState([record], 128));
          finished = true;
        } catch (error) {
          expect(error).toBeInstanceOf(SimulatedCrash);
        }
        disk.crashAfterCalls = 0;
        disk[death]();
        const stored = readState(disk, 'meta');
        expect([64, 128]).toContain(stored?.position);
        expect(stored?.state.createdGroups.size).toBe(stored?.position === 128 ? 1 : 0);
        writeState(disk, 'meta', encodeState([], 192));
      }
    }
  });
});

describe('meta/node', () => {
  test('keeps who the directory is, and is refused damaged', () => {
    const dir = tempDir();
    const disk = new NodeDisk();
    expect(readNode(disk, dir)).toBe(null);
    writeNode(disk, dir, NODE);
    expect(readNode(disk, dir)).toEqual(NODE);
    const bytes = readFileSync(`${dir}/node`);
    for (let at = 0; at < bytes.length; at++) {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] as number) ^ (1 << (at % 8));
      writeFileSync(`${dir}/node`, copy);
      expect(() => readNode(disk, dir)).toThrow(corrupt);
      writeFileSync(`${dir}/node`, bytes.subarray(0, at));
      expect(() => readNode(disk, dir)).toThrow(corrupt);
    }
    for (const wrong of [{ brokerId: 'x' }, { spanBytes: 100 }, { segmentBytes: 1024 }, { epoch: -1 }]) {
      writeNode(disk, dir, { ...NODE, ...wrong });
      expect(() => readNode(disk, dir)).toThrow(corrupt);
    }
  });

  test('of a directory from before topics were in the log is refused in words', () => {
    const dir = tempDir();
    writeFileSync(`${dir}/0000000000000001.log`, 'x');
    expect(() => readNode(new NodeDisk(), dir)).toThrow(
      expect.objectContaining({ code: 'NOT_SUPPORTED', message: expect.stringMatching(/begin anew/) }),
    );
  });
});
