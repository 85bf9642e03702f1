/**
 * What the files of conformance tests that take turns in a process have in common: a broker of each kind takes longer to open than
 * most of them to run. It is opened by the first that asks for it, and closed when the process ends.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from 'vitest/runtime';
import type { BackEnd, BackEndName } from './back-ends.js';

export interface Common {
  /** The directory of each file goes with the file. */
  readonly directory: string;
  readonly backEnds: Map<BackEndName, Promise<BackEnd>>;
  /** How many names were given out. */
  names: number;
}

const KEY = Symbol.for('ringmq.tests.conformance');
const place = globalThis as { [KEY]?: Common };

/** Of this process; null in one that is not for these tests. */
export function commonOfProcess(): Common | null {
  return place[KEY] ?? null;
}

const environment: Environment = {
  name: 'conformance',
  viteEnvironment: 'ssr',
  setup: () => {
    const directory = mkdtempSync(join(tmpdir(), 'ringmq-conformance-'));
    const common: Common = { directory, backEnds: new Map(), names: 0 };
    place[KEY] = common;
    return {
      teardown: async () => {
        const opened = await Promise.allSettled(common.backEnds.values());
        await Promise.all(opened.map((each) => each.status === 'fulfilled' && each.value.close()));
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};

// Vitest looks for it there.
export default environment;
