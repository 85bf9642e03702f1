/** Where what the suite installs is kept between runs: outside the repository, `RINGMQ_BENCH_CACHE` or `~/.cache/ringmq-bench`. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export class BenchCache {
  readonly root: string;

  constructor(root = process.env['RINGMQ_BENCH_CACHE'] ?? join(homedir(), '.cache', 'ringmq-bench')) {
    this.root = root;
    mkdirSync(root, { recursive: true });
  }

  /** The folder of something that is installed already. */
  path(name: string): string {
    return join(this.root, name);
  }

  /**
   * The folder of `name`, made by `make` (which fills the empty folder it is given) if it is not there. What
   * `make` leaves unfinished is thrown away, so a folder that is there is whole. Put the version into the
   * name.
   */
  async folder(name: string, make: (directory: string) => Promise<void>): Promise<string> {
    const directory = this.path(name);
    if (existsSync(directory)) {
      return directory;
    }
    const unfinished = `${directory}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    await make(unfinished);
    renameSync(unfinished, directory);
    return directory;
  }
}
