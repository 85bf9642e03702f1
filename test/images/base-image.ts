/**
 * A base image without a registry: Debian's packages by mmdebstrap, and this machine's Node with npm. It has
 * what `node:24-slim` has of them (a shell, the C libraries, npm) and `strip`.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { find, must } from './command.js';
import type { Places } from './places.js';

const PACKAGES = ['libstdc++6', 'binutils'];
const MIRRORS = '/etc/apt/sources.list.d/debian.sources';

/** Makes {@link Places.baseTar}; some twenty seconds. */
export async function makeBase(places: Places): Promise<void> {
  const rootFs = places.file('base');
  const sources = existsSync(MIRRORS) ? [MIRRORS] : [];
  await must(
    'mmdebstrap',
    [
      ...['--variant=essential', `--include=${PACKAGES.join(',')}`],
      ...['--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*', '--format=directory'],
      ...[codename(), rootFs, ...sources],
    ],
    { timeoutMs: 400_000 },
  );
  const bin = join(rootFs, 'usr/local/bin');
  const modules = join(rootFs, 'usr/local/lib/node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(realpathSync(process.execPath), join(bin, 'node'));
  const npm = dirname(dirname(realpathSync(find('npm') ?? 'npm')));
  cpSync(npm, join(modules, 'npm'), { recursive: true });
  for (const [name, file] of [
    ['npm', 'npm-cli.js'],
    ['npx', 'npx-cli.js'],
  ] as const) {
    symlinkSync(`../lib/node_modules/npm/bin/${file}`, join(bin, name));
  }
  // For the cluster whose master is replaced by itself.
  for (const name of ['etcd', 'etcdctl']) {
    const path = find(name);
    if (path !== null) {
      cpSync(realpathSync(path), join(bin, name));
    }
  }
  await must('tar', ['-cf', places.baseTar, '--numeric-owner', '--exclude=./dev/*', '-C', rootFs, '.']);
  rmSync(rootFs, { recursive: true, force: true });
}

function codename(): string {
  const release = readFileSync('/etc/os-release', 'utf8');
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? 'bookworm';
}
