import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCK_FILE, lockDataDir, lockOwner } from '../../engine/disk/index.js';

const MODULE = new URL('../../engine/disk/index.js', import.meta.url).href;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-lock-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** A process that tries to take the lock, says whether it did, and lives until its stdin ends. */
function contender(): { said: Promise<string>; end: (signal?: NodeJS.Signals) => Promise<void> } {
  const code = `import { lockDataDir } from ${JSON.stringify(MODULE)};
    try { lockDataDir(process.argv[1]); console.log('locked'); } catch (error) { console.log(error.code); }
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  return {
    said: once(child.stdout, 'data').then(([data]) => String(data).trim()),
    end: async (signal) => {
      if (signal === undefined) {
        child.stdin.end();
      } else {
        child.kill(signal);
      }
      await exited;
    },
  };
}

describe('the lock of a data directory', () => {
  it('is held by one, also within a process, until it is given back', () => {
    const lock = lockDataDir(dir);
    expect(lockOwner(dir)).toBe(process.pid);
    expect(() => lockDataDir(dir)).toThrow(expect.objectContaining({ code: 'DATA_DIR_LOCKED' }));
    lock.release();
    lock.release();
    expect(lockOwner(dir)).toBeUndefined();
    lockDataDir(dir).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a living process is respected, of a killed one taken over', async () => {
    const other = contender();
    expect(await other.said).toBe('locked');
    expect(() => lockDataDir(dir)).toThrow(expect.objectContaining({ code: 'DATA_DIR_LOCKED' }));
    await other.end('SIGKILL');
    lockDataDir(dir).release();
  });

  it('of a process whose id is used again is taken over', () => {
    lockDataDir(dir);
    const path = join(dir, LOCK_FILE);
    const [pid, started, boot] = readFileSync(path, 'latin1').trim().split(' ');
    writeFileSync(path, `${pid} ${Number(started) - 1} ${boot}\n`);
    lockDataDir(dir).release();
    writeFileSync(path, `${pid} ${started} another-boot\n`);
    lockDataDir(dir).release();
  });

  it('without an owner, or left with a half-done takeover, is taken over', () => {
    writeFileSync(join(dir, LOCK_FILE), '');
    writeFileSync(join(dir, `${LOCK_FILE}.takeover`), '4194303 1 another-boot\n');
    const lock = lockDataDir(dir);
    expect(readdirSync(dir)).toEqual([LOCK_FILE]);
    lock.release();
  });

  it('of a dead owner goes to one of many', async () => {
    writeFileSync(join(dir, LOCK_FILE), '4194303 1 another-boot\n');
    const contenders = Array.from({ length: 6 }, contender);
    const said = await Promise.all(contenders.map((one) => one.said));
    expect(said.filter((word) => word === 'locked')).toHaveLength(1);
    expect(said.filter((word) => word === 'DATA_DIR_LOCKED')).toHaveLength(5);
    await Promise.all(contenders.map((one) => one.end()));
  });
});
