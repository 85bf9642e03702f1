/** The task: what a consumer does with one message. */
import type { Task } from './piscina-tasks.js';

// A pool calls what its file exports by this name.
export function take({ body }: Task): number {
  return body.length;
}
