/** How much of a container's memory is files that the kernel keeps there for as long as nobody needs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In bytes; 0 where that is not known. `root`: where the system's files begin. */
export function cachedBytes(root = '/'): number {
  for (const path of places(root)) {
    const stat = textOf(join(path, 'memory.stat'));
    if (stat !== null) {
      // Of version 1 with those of groups below it; of version 2 they are counted in.
      const bytes = (name: string): number =>
        Number(
          (new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat) ??
            new RegExp(`^${name} (\\d+)$`, 'm').exec(stat))?.[1] ?? 0,
        );
      // Files, less those that are to be written to the disk before their memory is free.
      return Math.max(0, bytes('inactive_file') + bytes('active_file') - dirtyIn(bytes));
    }
  }
  return 0;
}

function dirtyIn(bytes: (name: string) => number): number {
  return bytes('file_dirty') + bytes('file_writeback') + bytes('dirty') + bytes('writeback');
}

/** Where the group of this process may be seen: below the path that its own system gives it, or, in a container, at the top. */
function* places(root: string): Generator<string> {
  const groups = textOf(join(root, 'proc/self/cgroup')) ?? '';
  const one = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const two = /^0::(.*)$/m.exec(groups)?.[1];
  const top = join(root, 'sys/fs/cgroup');
  if (one !== undefined) {
    yield join(top, 'memory', one);
    yield join(top, 'memory');
  } else if (two !== undefined) {
    yield join(top, two);
    yield top;
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
