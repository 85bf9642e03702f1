/** A load thread, as the main thread sees it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Answer, Command, ThreadResult, ThreadSetup } from './thread-protocol.js';

/**
 * Tens of thousands of messages under way outlive a small young generation, and moving them about would be
 * measured as the system's time; V8 keeps three semi-spaces in this.
 */
const YOUNG_GENERATION_MB = 96;

export class LoadThread {
  readonly #worker: Worker;
  readonly #failed: Promise<never>;

  constructor(setup: ThreadSetup) {
    this.#worker = new Worker(new URL('./load-worker.js', import.meta.url), {
      workerData: setup,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#failed = Promise.race([
      once(this.#worker, 'error').then(([error]) => {
        throw error;
      }),
      once(this.#worker, 'exit').then(() => {
        throw new Error('a load thread ended');
      }),
    ]);
    this.#failed.catch(() => {});
  }

  /** One command at a time. */
  async call(command: Command): Promise<ThreadResult | null> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage(command);
    const [answer] = (await Promise.race([answered, this.#failed])) as [Answer];
    if (!answer.ok) {
      throw new Error(answer.error);
    }
    return answer.result;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
