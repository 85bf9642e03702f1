/** The suite's own small programs in C, for libraries that have no load tool of their own. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchCache } from './cache.js';
import { type DebianTree, libraryDirectories } from './debian.js';
import { PeerUnavailable } from './peer.js';
import { runCommand } from './processes.js';

/** Not copied by the build, so it is found in the sources: this file runs as dist/bench/peers/c-program.js. */
const SOURCES = fileURLToPath(new URL('../../../bench/peers/c/', import.meta.url));

/** The program `name` of bench/peers/c, compiled against the headers and `libraries` of `tree`. Changed sources are compiled again. */
export async function cProgram(
  cache: BenchCache,
  tree: DebianTree,
  name: string,
  libraries: readonly string[],
): Promise<string> {
  const source = join(SOURCES, `${name}.c`);
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const directory = await cache.folder(`${name}-${hash}`, async (unfinished) => {
    const places = libraryDirectories(tree.root).flatMap((each) => [`-L${each}`, `-Wl,-rpath-link,${each}`]);
    const link = [...places, ...libraries.map((each) => `-l${each}`), '-lpthread'];
    const compile = [
      '-O2',
      '-std=c11',
      '-Wall',
      '-Wextra',
      '-D_GNU_SOURCE',
      '-I',
      join(tree.root, 'usr/include'),
    ];
    try {
      await runCommand('cc', [...compile, '-o', join(unfinished, name), source, ...link], {
        timeoutMs: 60_000,
      });
    } catch (error) {
      throw new PeerUnavailable(`the C compiler failed for ${name}: ${(error as Error).message}`);
    }
  });
  return join(directory, name);
}
