import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCK_FILE, lockDataDir, lockOwner } from '../../engine/disk/index.js';

const MODULE = new URL('../../engine/disk/index.js', import.meta.url).href;
const REFUSED = { code: 'DATA_DIR_LOCKED' };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-lock-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** Tries to take the lock, says whether it did, and lives until its stdin ends. */
const CODE = `import { lockDataDir } from ${JSON.stringify(MODULE)};
  lockDataDir(process.argv[1]).then(() => console.log('locked'), (error) => console.log(error.code));
  process.stdin.resume();`;

interface Contender {
  pid: number;
  said: Promise<string>;
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** A process of its own that wants the lock; `before`: a command that runs it, in other namespaces. */
function contender(before: readonly string[] = []): Contender {
  const words = [...before, process.execPath, '--input-type=module', '-e', CODE, dir];
  const child = spawn(words[0] as string, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  return {
    pid: child.pid as number,
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

const canUnshare = spawnSync('unshare', ['-pfn', '--mount-proc', 'true']).status === 0;

describe('the lock of a data directory', () => {
  it('is held by one, also within a process, until it is given back', async () => {
    const lock = await lockDataDir(dir);
    expect(await lockOwner(dir)).toBe(process.pid);
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
    lock.release();
    lock.release();
    expect(await lockOwner(dir)).toBeUndefined();
    (await lockDataDir(dir)).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a living process is respected, of a killed one taken over', async () => {
    const other = contender();
    expect(await other.said).toBe('locked');
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
    await other.end('SIGKILL');
    (await lockDataDir(dir)).release();
  });

  it('of a process that was killed is free before anybody waits for that process', async () => {
    // A shell that never waits for its child, which stays a zombie.
    const shell = spawn(
      'sh',
      ['-c', `"$0" --input-type=module -e "$1" "$2" </dev/zero & exec sleep 60`, process.execPath, CODE, dir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      const [said] = await once(shell.stdout, 'data');
      expect(String(said).trim()).toBe('locked');
      process.kill(Number(readFileSync(join(dir, LOCK_FILE), 'latin1').split(' ')[0]), 'SIGKILL');
      (await lockDataDir(dir)).release();
    } finally {
      shell.kill('SIGKILL');
      await once(shell, 'exit');
    }
  });

  it('of a thread that has ended is free, however it ended', async () => {
    for (const end of ['terminate', 'throw'] as const) {
      const code = `import { parentPort } from 'node:worker_threads';
        import { lockDataDir } from ${JSON.stringify(MODULE)};
        await lockDataDir(${JSON.stringify(dir)});
        parentPort.on('message', () => { throw new Error('an end'); });
        parentPort.postMessage('locked');`;
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
      worker.on('error', () => {});
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      await once(worker, 'message');
      await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
      if (end === 'terminate') {
        await worker.terminate();
      } else {
        worker.postMessage('now');
        await new Promise((resolve) => worker.once('error', resolve));
      }
      // It is waited for, but not for as long as an end may take on a busy machine.
      const lock = await lockDataDir(dir).catch(() => exited.then(() => lockDataDir(dir)));
      expect(lock.ofDeadThread).toMatch(/^[0-9a-f]{16}$/);
      lock.release();
    }
  });

  it('of a process whose id is used again, or of an earlier version, is taken over when that is dead', async () => {
    const [pid, started, boot] = await ownWords();
    writeFileSync(join(dir, LOCK_FILE), `${pid} ${Number(started) - 1} ${boot}\n`);
    (await lockDataDir(dir)).release();
    writeFileSync(join(dir, LOCK_FILE), `${pid} ${started} another-boot\n`);
    (await lockDataDir(dir)).release();
    writeFileSync(join(dir, LOCK_FILE), `${pid} ${started} ${boot}\n`);
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
  });

  it('without an owner, or left with a half-done takeover, is taken over', async () => {
    writeFileSync(join(dir, LOCK_FILE), '');
    writeFileSync(join(dir, `${LOCK_FILE}.takeover`), '4194303 1 another-boot\n');
    const [, , boot, , pidNamespace] = await ownWords();
    const left = `4194303 1 ${boot} 0123456789abcdef ${pidNamespace} -\n`;
    writeFileSync(join(dir, `${LOCK_FILE}.0123456789abcdef`), left);
    const lock = await lockDataDir(dir);
    expect(readdirSync(dir)).toEqual(['.opening', LOCK_FILE]);
    lock.release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([
    ['removed', () => rmSync(join(dir, LOCK_FILE))],
    ['emptied', () => writeFileSync(join(dir, LOCK_FILE), '')],
    ['garbled', () => writeFileSync(join(dir, LOCK_FILE), 'no owner\n')],
    [
      "overwritten with a dead one's",
      () => {
        const [, , boot, , pidns] = readFileSync(join(dir, LOCK_FILE), 'latin1').split(' ');
        writeFileSync(join(dir, 'other'), `4194303 1 ${boot} 0123456789abcdef ${pidns} -\n`);
        renameSync(join(dir, 'other'), join(dir, LOCK_FILE));
      },
    ],
  ])('of a living owner that was %s is not there to be taken', async (_how, harm) => {
    const lock = await lockDataDir(dir);
    harm();
    const other = contender();
    expect(await other.said).toBe('DATA_DIR_LOCKED');
    await other.end();
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
    lock.release();
  });

  it('that was removed is free when its owner has gone, and in a copy of the directory', async () => {
    const lock = await lockDataDir(dir);
    const copy = `${dir}-copy`;
    cpSync(dir, copy, { recursive: true });
    rmSync(join(copy, LOCK_FILE));
    (await lockDataDir(copy)).release();
    expect(readdirSync(copy)).toEqual([]);
    rmSync(copy, { recursive: true });
    rmSync(join(dir, LOCK_FILE));
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
    expect(await lockOwner(dir)).toBe(process.pid);
    lock.release();
    (await lockDataDir(dir)).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a living owner is free in a copy of his directory, and held where the copy has his very files', async () => {
    const lock = await lockDataDir(dir);
    const copies = mkdtempSync(join(tmpdir(), 'ringmq-copies-'));
    const copy = join(copies, 'copy');
    const linked = join(copies, 'linked');
    cpSync(dir, copy, { recursive: true });
    mkdirSync(linked);
    linkSync(join(dir, LOCK_FILE), join(linked, LOCK_FILE));
    const watched: string[] = [];
    const [ofCopy] = await Promise.all([
      lockDataDir(copy, (what) => watched.push(what)),
      expect(lockDataDir(linked)).rejects.toMatchObject(REFUSED),
    ]);
    expect(watched).toEqual([expect.stringContaining('of which this is a copy')]);
    expect(await lockOwner(copy)).toBe(process.pid);
    ofCopy.release();
    expect(readdirSync(copy)).toEqual([]);
    await expect(lockDataDir(dir)).rejects.toMatchObject(REFUSED);
    lock.release();
    rmSync(copies, { recursive: true });
  });

  it('of a dead owner goes to one of many, also when some of them die over it', async () => {
    for (const round of [0, 1]) {
      const contenders = Array.from({ length: 6 }, () => contender());
      const said = await Promise.all(contenders.map((one) => one.said));
      expect(said.filter((word) => word === 'locked')).toHaveLength(1);
      expect(said.filter((word) => word === 'DATA_DIR_LOCKED')).toHaveLength(5);
      await Promise.all(contenders.map((one) => one.end('SIGKILL')));
      if (round === 0) {
        // The next ones find a dead owner, and a right to follow it that somebody dead has.
        const token = readFileSync(join(dir, LOCK_FILE), 'latin1').split(' ')[3];
        const [, , boot, , pidns, netns] = readFileSync(join(dir, LOCK_FILE), 'latin1').trim().split(' ');
        const line = `4194303 1 ${boot} 0123456789abcdef ${pidns} ${netns}\n`;
        writeFileSync(join(dir, `${LOCK_FILE}.after.${token}`), line);
      }
    }
  });

  it('that is not ours any more is not given back', async () => {
    const lock = await lockDataDir(dir);
    const other = '1 1 another-boot fedcba9876543210 - -\n';
    writeFileSync(join(dir, LOCK_FILE), other);
    lock.release();
    expect(readFileSync(join(dir, LOCK_FILE), 'latin1')).toBe(other);
  });

  it.runIf(canUnshare)('is respected across process and network namespaces', async () => {
    const other = contender(['unshare', '-pfn', '--mount-proc']);
    expect(await other.said).toBe('locked');
    const watched: string[] = [];
    await expect(lockDataDir(dir, (what) => watched.push(what))).rejects.toMatchObject(REFUSED);
    expect(watched).toHaveLength(1);
    const neighbour = contender(['unshare', '-pfn', '--mount-proc']);
    expect(await neighbour.said).toBe('DATA_DIR_LOCKED');
    await neighbour.end();
    await other.end();
  });

  it.runIf(canUnshare)('in another process namespace alone is asked for, not watched', async () => {
    const other = contender(['unshare', '-pf', '--mount-proc']);
    expect(await other.said).toBe('locked');
    const watched: string[] = [];
    await expect(lockDataDir(dir, (what) => watched.push(what))).rejects.toMatchObject(REFUSED);
    await other.end();
    expect(watched).toEqual([]);
  });
});

/** The words of a lock that this process holds. */
async function ownWords(): Promise<string[]> {
  const lock = await lockDataDir(dir);
  const words = readFileSync(join(dir, LOCK_FILE), 'latin1').trim().split(' ');
  lock.release();
  return words;
}
