/** A process that wants a lock when it is told to; see lock-race.ts. */
import { type DataDirLock, lockDataDir } from '../../engine/disk/index.js';

let held: DataDirLock | null = null;

function say(word: string): void {
  process.send?.(word);
}

process.on('message', (message: { dir: string } | 'release') => {
  if (message === 'release') {
    held?.release();
    held = null;
    say('released');
    return;
  }
  lockDataDir(message.dir).then(
    (lock) => {
      held = lock;
      say('locked');
    },
    (error: { code?: string }) => say(error.code ?? String(error)),
  );
});
say('ready');
