/** A slave's directory is made what its master wants, whatever ends it in the middle: what is to be done is done again from the start. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { performRejoin, type Rejoin, writeRejoin } from '../../engine/data/rejoin.js';
import type { Disk } from '../../engine/disk/disk.js';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import { readCheckpoint, segmentName, writeCheckpoint } from '../../engine/log/index.js';
import { encodeState, MetaState, readNode, readState, writeNode } from '../../engine/meta/index.js';

const SEGMENT = 65_536;
const NODE = {
  brokerId: '0123456789abcdef',
  spanBytes: 4096,
  segmentBytes: SEGMENT,
  createdTime: 5,
  epoch: 3,
  start: 0,
  ownFrom: 0,
  isLed: false,
  slaves: [],
  openings: [],
};
const END = 3 * SEGMENT - 4096;

function masterState(): Uint8Array {
  const state = new MetaState();
  state.apply({ type: 'epoch', epoch: 1024, position: 4096, name: 'm', time: 9 });
  return encodeState(state.records(), 0);
}

/** A directory with three segments full of sevens. */
function makeDir(disk: Disk): string {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-rejoin-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['meta', 'log', 'queues']) {
    disk.mkdir(`${dir}/${name}`);
  }
  writeNode(disk, `${dir}/meta`, NODE);
  for (let base = 0; base < END; base += SEGMENT) {
    const fd = disk.create(`${dir}/log/${segmentName(base)}`);
    disk.write(fd, new Uint8Array(SEGMENT).fill(7), 0, SEGMENT, 0);
    disk.close(fd);
  }
  return dir;
}

/** Ends in an error at the call of that number that changes something. */
class EndingDisk extends NodeDisk {
  left: number;
  constructor(calls: number) {
    super();
    this.left = calls;
  }
  #spend(): void {
    if (this.left-- <= 0) {
      throw Object.assign(new Error('EIO: the process ends here'), { code: 'EIO' });
    }
  }
  override create(path: string): number {
    this.#spend();
    return super.create(path);
  }
  override write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    this.#spend();
    super.write(fd, bytes, at, length, filePosition);
  }
  override truncate(fd: number, bytes: number): void {
    this.#spend();
    super.truncate(fd, bytes);
  }
  override rename(from: string, to: string): void {
    this.#spend();
    super.rename(from, to);
  }
  override unlink(path: string): void {
    this.#spend();
    super.unlink(path);
  }
}

function logOf(dir: string): Buffer {
  const names = readdirSync(`${dir}/log`)
    .filter((name) => name.endsWith('.seg'))
    .sort();
  return Buffer.concat(names.map((name) => readFileSync(`${dir}/log/${name}`)));
}

/** Ends it at every step in turn, then does it whole. */
function interrupted(dir: string): Rejoin | null {
  for (let calls = 0; calls < 200; calls++) {
    try {
      const done = performRejoin(new EndingDisk(calls), dir, SEGMENT);
      if (done !== null) {
        return done;
      }
      break;
    } catch (error) {
      expect(String(error)).toContain('the process ends here');
    }
  }
  return performRejoin(new NodeDisk(), dir, SEGMENT);
}

it('a cut keeps what it cuts, forgets what told of it, and ends the same wherever it was interrupted', () => {
  const disk = new NodeDisk();
  const dir = makeDir(disk);
  const position = SEGMENT + 8192;
  writeCheckpoint(disk, dir, { position: 4096, flushed: END, epoch: 1, derived: { nextBlock: 1 } });
  const rejoin: Rejoin = {
    kind: 'cut',
    position,
    epoch: 1024,
    end: END,
    brokerId: NODE.brokerId,
    spanBytes: 4096,
  };
  writeRejoin(disk, dir, rejoin, masterState());
  interrupted(dir);
  const log = logOf(dir);
  expect(log).toHaveLength(2 * SEGMENT);
  expect(log.subarray(0, position).every((byte) => byte === 7)).toBe(true);
  expect(log.subarray(position).every((byte) => byte === 0)).toBe(true);
  const kept = readFileSync(`${dir}/cut-${position}-1024`);
  expect(kept).toHaveLength(END - position);
  expect(kept.every((byte) => byte === 7)).toBe(true);
  expect(readCheckpoint(disk, dir)).toMatchObject({ position: 4096, flushed: position });
  expect(readNode(disk, `${dir}/meta`)).toMatchObject({ brokerId: NODE.brokerId, epoch: 3 });
  const stored = readState(disk, `${dir}/meta`);
  expect(stored?.position).toBe(position);
  expect(stored?.state.epochs.last).toBe(1024);
  expect(readdirSync(dir).sort()).toEqual(['checkpoint', `cut-${position}-1024`, 'log', 'meta', 'queues']);
});

it('a log that is begun anew takes the master’s identity, keeps its own epoch, and puts the old log aside', () => {
  const disk = new NodeDisk();
  const dir = makeDir(disk);
  const rejoin: Rejoin = {
    kind: 'anew',
    position: 5 * SEGMENT,
    epoch: 1024,
    end: END,
    brokerId: 'fedcba9876543210',
    spanBytes: 8192,
  };
  writeRejoin(disk, dir, rejoin, masterState());
  interrupted(dir);
  expect(readdirSync(`${dir}/log`)).toEqual([]);
  expect(readdirSync(`${dir}/cut-${5 * SEGMENT}-1024`)).toHaveLength(3);
  expect(readNode(disk, `${dir}/meta`)).toMatchObject({
    brokerId: 'fedcba9876543210',
    spanBytes: 8192,
    epoch: 3,
    start: 5 * SEGMENT,
    ownFrom: 0xffffffff,
    isLed: false,
  });
  expect(readState(disk, `${dir}/meta`)?.position).toBe(5 * SEGMENT);
  expect(performRejoin(disk, dir, SEGMENT)).toBeNull();
});
