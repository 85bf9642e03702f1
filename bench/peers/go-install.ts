/** Systems that come from Go's module proxy, compiled on this machine. */
import type { BenchCache } from './cache.js';
import { PeerUnavailable } from './peer.js';
import { runCommand } from './processes.js';

/** The folder of the one program of `module` (its import path). Throws {@link PeerUnavailable}. */
export function goProgram(cache: BenchCache, module: string, version: string): Promise<string> {
  const name = module.split('/').findLast((part) => !/^v\d+$/.test(part)) ?? module;
  return cache.folder(`${name}-${version}`, async (directory) => {
    const env = { GOBIN: directory, GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' };
    try {
      await runCommand('go', ['install', `${module}@v${version}`], { env, timeoutMs: 300_000 });
    } catch (error) {
      throw new PeerUnavailable(`go install ${module}: ${(error as Error).message}`);
    }
  });
}
