import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where etcd's program lies (Debian's `etcd-server`), or null. */
export function etcdPath(): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, 'etcd');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  return null;
}
