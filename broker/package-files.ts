/** The files a broker starts threads from. They lie beside this one, unless a bundler has made one file of the program. */
import { existsSync } from 'node:fs';
import { RingMQError } from '../native-free/wire/index.js';

const WORKERS = ['../engine/persist/worker.js', './listener-worker.js'];

/** Throws `NOT_SUPPORTED` when they are not there. */
export function checkFiles(): void {
  if (!WORKERS.every(isThere)) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      "a broker starts threads from files of its package, and a bundler has left them out; keep 'ringmq' out of the bundle " +
        '(esbuild: --external:ringmq; webpack, Rollup: externals; Next: serverExternalPackages)',
    );
  }
}

function isThere(file: string): boolean {
  try {
    return existsSync(new URL(file, import.meta.url));
  } catch {
    // Bundled as CommonJS there is no address of this file.
    return false;
  }
}
