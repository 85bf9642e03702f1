/** The one-time token, in a file that the broker's own user alone can read: a log goes to many more. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'admin-token';

/** Returns where it is. Throws what the system says. */
export function writeAdminToken(dataDir: string, token: string): string {
  const path = removeAdminToken(dataDir);
  // Not into whatever lies there, and never readable by others, not even for a moment.
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return path;
}

/** One that has been used, or is not needed any more. Returns where it was. */
export function removeAdminToken(dataDir: string): string {
  const path = join(dataDir, NAME);
  rmSync(path, { force: true });
  return path;
}
