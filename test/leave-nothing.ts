/**
 * For each test file: a directory for temporary files of its own. When the file ends, whatever became of its tests, processes that
 * it started end with it, those that they started too, and the directory goes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { endStarted } from './left-behind.js';

const before = process.env['TMPDIR'];
const directory = mkdtempSync(join(tmpdir(), 'ringmq-tests-'));
process.env['TMPDIR'] = directory;

// Known before any other, so it is called after all of them.
afterAll(async () => {
  await endStarted(directory);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  if (before === undefined) {
    delete process.env['TMPDIR'];
  } else {
    process.env['TMPDIR'] = before;
  }
});
