/** Prints a line for each check, in the form that CI counts. */
import { monotonicMs } from '../../native-free/time/index.js';

const SHOWN_LINES = 12;

export class Report {
  passed = 0;
  failed = 0;

  /** @returns whether it passed; what it resolves with is told */
  async check(name: string, work: () => Promise<string | undefined>): Promise<boolean> {
    const since = monotonicMs();
    try {
      const more = await work();
      this.passed++;
      const seconds = ((monotonicMs() - since) / 1_000).toFixed(1);
      process.stdout.write(`ok ${name}${more === undefined ? '' : `: ${more}`} (${seconds} s)\n`);
      return true;
    } catch (error) {
      this.failed++;
      const lines = String(error instanceof Error ? error.message : error).split('\n');
      process.stdout.write(`not ok ${name}\n  ${lines.slice(0, SHOWN_LINES).join('\n  ')}\n`);
      return false;
    }
  }
}

export function expectThat(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) {
    throw new Error(otherwise);
  }
}
