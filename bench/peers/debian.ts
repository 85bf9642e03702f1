/**
 * Systems that come from Debian. Packages are unpacked into the cache, not installed: that needs no rights,
 * starts no service, and leaves the machine as it was. Their own scripts are not run; each peer starts its
 * programs by itself.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { BenchCache } from './cache.js';
import { PeerUnavailable } from './peer.js';
import { runCommand } from './processes.js';

/** Unpacked packages: what would be `/` were they installed. */
export interface DebianTree {
  readonly root: string;
  /** So that their programs find the libraries that were unpacked beside them. */
  readonly env: { LD_LIBRARY_PATH: string };
}

/** The tree of `packages` with all they depend on that this machine has not. Throws {@link PeerUnavailable}. */
export async function debianPackages(
  cache: BenchCache,
  name: string,
  packages: readonly string[],
): Promise<DebianTree> {
  const root = await cache.folder(name, async (directory) => {
    try {
      await unpack(directory, packages);
    } catch (error) {
      throw new PeerUnavailable(`Debian's ${packages.join(', ')}: ${(error as Error).message}`);
    }
  });
  return { root, env: { LD_LIBRARY_PATH: libraryDirectories(root).join(delimiter) } };
}

/** The upstream version of a package as it lies in the tree: `5:7.0.15-1~deb12u10` is 7.0.15. */
export async function debianVersion(tree: DebianTree, wanted: string): Promise<string> {
  const prefix = `${wanted}_`;
  const file = readdirSync(join(tree.root, 'packages')).find((each) => each.startsWith(prefix));
  if (file === undefined) {
    throw new PeerUnavailable(`${wanted} is not among the unpacked packages`);
  }
  return upstreamVersion(decodeURIComponent(file.slice(prefix.length).split('_')[0] ?? ''));
}

/** Without Debian's epoch and revision. */
export function upstreamVersion(debian: string): string {
  return debian.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}

async function unpack(directory: string, packages: readonly string[]): Promise<void> {
  // Lists of its own: those of the system may be missing or stale, and only root may change them.
  const lists = join(directory, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const ownLists = ['-q', '-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${lists}`];
  await runCommand('apt-get', [...ownLists, 'update'], { timeoutMs: 120_000 });
  const simulate = ['-s', '-o', 'Dir::State::status=/dev/null', 'install', '--no-install-recommends'];
  const plan = await runCommand('apt-get', [...ownLists, ...simulate, ...packages], { timeoutMs: 60_000 });
  const installed = await installedPackages();
  const missing = packagesOfPlan(plan).filter((each) => packages.includes(each) || !installed.has(each));
  const archives = join(directory, 'packages');
  mkdirSync(archives);
  await runCommand('apt-get', [...ownLists, 'download', ...missing], { cwd: archives, timeoutMs: 300_000 });
  for (const archive of readdirSync(archives)) {
    await runCommand('dpkg-deb', ['-x', join(archives, archive), directory], { timeoutMs: 60_000 });
  }
  rmSync(lists, { recursive: true });
}

/** The names in what `apt-get -s install` prints: lines like `Inst redis-server (5:7.0.15-1~deb12u10 Debian:12…)`. */
export function packagesOfPlan(plan: string): string[] {
  return [...plan.matchAll(/^Inst (\S+) /gm)].map((match) => match[1] as string);
}

async function installedPackages(): Promise<Set<string>> {
  // The placeholders are dpkg's own.
  const format = `\${db:Status-Status} \${Package}\\n`;
  const lines = (await runCommand('dpkg-query', ['-W', '-f', format], { timeoutMs: 60_000 })).split('\n');
  return new Set(lines.filter((line) => line.startsWith('installed ')).map((line) => line.slice(10)));
}

/** `/usr/lib/<machine>` and `/lib/<machine>`, whatever the machine is called. */
export function libraryDirectories(root: string): string[] {
  return ['usr/lib', 'lib'].flatMap((library) => {
    const parent = join(root, library);
    const machines = readDirectory(parent).filter((each) => each.includes('-linux-'));
    return machines.map((machine) => join(parent, machine));
  });
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
