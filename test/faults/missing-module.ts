/** Loaded into a broker's process before anything else (`node --import`): while the control file is there, the module that it names is not found. */
import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const CONTROL = process.env['RINGMQ_TEST_MISSING'] ?? '';

type Resolve = (specifier: string, context: unknown) => Promise<unknown>;

export async function resolve(specifier: string, context: unknown, next: Resolve): Promise<unknown> {
  if (existsSync(CONTROL) && specifier.endsWith(readFileSync(CONTROL, 'utf8'))) {
    throw Object.assign(new Error(`Cannot find module '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' });
  }
  return next(specifier, context);
}

// Not in the thread that it is registered for.
if (isMainThread) {
  register(import.meta.url);
}
