/** Writing is apart from reading, which every command does. */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDir } from '../../engine/disk/make-dir.js';
import { type Contexts, contextPath } from './context-file.js';

/** Replaces the file as a whole, so that a reader has the old one or the new one. */
export function writeContexts(contexts: Contexts, path = contextPath()): void {
  makeDir(dirname(path), 0o700);
  const written = `${path}.${process.pid}`;
  writeFileSync(written, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  renameSync(written, path);
}
