/**
 * Loaded before a broker (`--import`): ends its process with SIGKILL at one point of the first repair of its
 * log, which TEST_END_AT names. What the process has done by then is done, and nothing else is.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** In the order in which a repair comes to them. */
export const POINTS = ['noted', 'torn', 'written', 'synced', 'stale', 'forgetting', 'forgotten'] as const;
export type Point = (typeof POINTS)[number];

const point = process.env['TEST_END_AT'];

function end(at: Point): void {
  if (at === point) {
    process.kill(process.pid, 'SIGKILL');
    // Not a step further, however late the signal comes.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
}

// Repairs are written by the thread that opened the broker; what is appended is written by another one.
if (point !== undefined && isMainThread) {
  const { openSync, closeSync, writeSync, fdatasyncSync, renameSync, unlinkSync } = fs;
  const segments = new Set<number>();
  let isNoted = false;
  Object.assign(fs, {
    openSync(path: string, ...rest: [string, number?]): number {
      const fd = openSync(path, ...rest);
      if (String(path).endsWith('.seg') && isNoted) {
        segments.add(fd);
      }
      if (String(path).endsWith('/rebuild')) {
        end('stale');
      }
      return fd;
    },
    closeSync(fd: number): void {
      segments.delete(fd);
      closeSync(fd);
    },
    writeSync(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number {
      if (!segments.has(fd)) {
        return writeSync(fd, bytes, at, length, position);
      }
      if (point === 'torn') {
        writeSync(fd, bytes, at, length >> 1, position);
        end('torn');
      }
      const written = writeSync(fd, bytes, at, length, position);
      end('written');
      return written;
    },
    fdatasyncSync(fd: number): void {
      fdatasyncSync(fd);
      if (segments.has(fd)) {
        end('synced');
      }
    },
    renameSync(from: string, to: string): void {
      renameSync(from, to);
      if (String(to).endsWith('/repair')) {
        isNoted = true;
        end('noted');
      }
    },
    unlinkSync(path: string): void {
      const isNote = String(path).endsWith('/repair') && isNoted;
      if (isNote) {
        end('forgetting');
      }
      unlinkSync(path);
      if (isNote) {
        end('forgotten');
      }
    },
  });
  syncBuiltinESMExports();
}
