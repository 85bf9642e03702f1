/**
 * `npm run test:images [-- --short] [-- --mode NAME] [-- --only plain|chart|clusters] [-- --keep] [-- --base=FILE]`: builds the Dockerfile and runs what it makes, as
 * deploy/compose says and alone. Prints `ok NAME` or `not ok NAME` for each check, and ends with 1 if one failed. Where no
 * container engine can be started it says so and ends with 0.
 *
 * All of it runs in namespaces made here (network, mounts, processes), and ends with the one process that is started in them:
 * containers, the engine, its mounts and its network. What lies on the disk is below one temporary directory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../native-free/time/index.js';
import { makeBase } from './base-image.js';
import { makeContext } from './build-context.js';
import { find, run } from './command.js';
import { STATUS } from './names.js';
import { Places } from './places.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const INSIDE = fileURLToPath(new URL('./inside.js', import.meta.url));
const PROGRAMS = [
  'dockerd',
  'docker',
  'docker-compose',
  'mmdebstrap',
  'unshare',
  'nsenter',
  'ip',
  'mount',
  'tar',
];
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** Whatever hangs is ended. */
const MOST_MS = (process.argv.includes('--short') ? 12 : 45) * 60_000;

/** Null where all is there; else what is missing, in words. */
async function whyNot(): Promise<string | null> {
  if (process.getuid?.() !== 0) {
    return 'only root may start one';
  }
  const missing = PROGRAMS.filter((name) => find(name) === null);
  if (missing.length > 0) {
    return `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed (apt-get install docker.io docker-compose mmdebstrap iproute2 etcd-server etcd-client)`;
  }
  const { status, stderr } = await run('unshare', [...NAMESPACES, 'true']);
  return status === 0 ? null : `no namespaces can be made: ${stderr.trim()}`;
}

function leaveOut(why: string): void {
  process.stdout.write(
    `left out: images and containers, as no container engine can be started here: ${why}\n`,
  );
}

/** Folders of control groups that are there for engines and their containers; an engine leaves its own behind. */
function groupFolders(): string[] {
  const root = '/sys/fs/cgroup';
  const kinds = existsSync(root) ? readdirSync(root) : [];
  const engines = kinds.map((kind) => join(root, kind, 'docker')).filter((path) => existsSync(path));
  const containers = engines.flatMap((path) =>
    readdirSync(path, { withFileTypes: true })
      .filter((below) => below.isDirectory())
      .map(({ name }) => join(path, name)),
  );
  return [...containers, ...engines];
}

function removeGroups(before: ReadonlySet<string>): void {
  for (const path of groupFolders().filter((each) => !before.has(each))) {
    try {
      rmdirSync(path);
    } catch {
      // Another engine's container is in it, or the system does not let go of it yet: it costs nothing.
    }
  }
}

async function runInside(places: Places): Promise<number> {
  const groups = new Set(groupFolders());
  let child: ChildProcess | undefined;
  // Whoever ends this program ends all of it.
  const end = (): void => {
    child?.kill('SIGKILL');
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, end);
  }
  process.once('exit', end);
  const timer = setTimeout(end, MOST_MS);
  child = spawn(
    'unshare',
    [...NAMESPACES, process.execPath, INSIDE, ROOT, places.work, ...process.argv.slice(2)],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  removeGroups(groups);
  return status ?? -1;
}

const why = await whyNot();
if (why !== null) {
  leaveOut(why);
  process.exit(0);
}
const places = new Places(mkdtempSync(join(tmpdir(), 'ringmq-images-')));
process.once('exit', () => {
  if (process.argv.includes('--keep')) {
    process.stdout.write(`kept: ${places.work}\n`);
  } else {
    rmSync(places.work, { recursive: true, force: true });
  }
});
const kept = /^--base=(.+)$/m.exec(process.argv.join('\n'))?.[1];
const since = monotonicMs();
const parts = await Promise.allSettled([
  kept === undefined ? makeBase(places) : cp(kept, places.baseTar),
  makeContext(ROOT, places),
]);
process.stdout.write(`base image and sources: ${Math.round((monotonicMs() - since) / 1_000)} s\n`);
const [base, context] = parts;
if (base.status === 'rejected') {
  leaveOut(`no base image can be made: ${String(base.reason)}`);
} else if (context.status === 'rejected') {
  throw context.reason;
} else {
  const status = await runInside(places);
  if (![STATUS.passed, STATUS.failed, STATUS.noEngine].includes(status)) {
    process.stdout.write(
      `not ok all checks of images and containers are made: the run ended with ${status}\n`,
    );
  }
  process.exitCode = status === STATUS.passed || status === STATUS.noEngine ? 0 : 1;
}
